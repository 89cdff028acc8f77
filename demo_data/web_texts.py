"""What stands in alt attributes on the web and describes nothing."""

FILE_NAMES = (
    "IMG_0032.jpg",
    "DSC01234.JPG",
    "photo-2019-07-14.jpeg",
    "untitled-1.png",
    "image001.jpg",
    "P1050871.JPG",
    "screenshot_2020-03-01.png",
    "20180722_164512.jpg",
    "thumb_640x480.jpg",
    "wp-image-4821.jpeg",
)

HTML = (
    "<p>{text}</p>",
    "<b>{text}</b> &nbsp; read more",
    '<a href="/gallery/12">{text}</a>',
    "{text}<br/>",
    '<span class="caption">{text}</span>',
    "{text} &amp; more of the same",
    '<img src="a.jpg" alt="{text}">',
    "<div><h1>{text}</h1></div>",
)

ADS_WITH_URL = (
    "Buy now at https://www.example.com/sale and get free shipping today",
    "Order your print online: https://shop.example.com/prints?id=88",
    "Visit https://www.example.org for the best deals of the year",
    "Download this wallpaper for free at http://wallpapers.example.com",
    "Click https://example.net/offer to claim your discount before midnight",
    "See more pictures like this on https://pictures.example.com/popular",
)

ADS = (
    "Buy now and save forty percent on all orders placed this week",
    "Limited time offer, free shipping on everything in our online store",
    "Sign up for our newsletter and never miss a deal again",
    "The best prices guaranteed or your money back, order today",
    "New arrivals every Friday, add to cart before they are gone",
)

TOO_SHORT = (
    "red cup",
    "nice photo",
    "cute cat",
    "photo",
    "rocket launch",
    "my picture",
    "flower",
    "the sky",
    "old coins",
    "new camera",
    "summer holiday",
    "click here",
)

LATIN_1 = (
    ("coffee", "A café espresso in a red and white cup, served with a spoon on the saucer"),
    ("china", "The façade and the orange roofs of a tall tower above a wide lake near Beijing"),
)
"""Texts that differ in Latin-1 and UTF-8, and the photograph that each describes."""
