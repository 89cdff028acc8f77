from recipes.base import Recipe


class LaClip:
    name = "laclip"
