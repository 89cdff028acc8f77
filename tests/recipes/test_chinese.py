import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipes.chinese import (
    chinese_fault,
    is_chinese_loop,
    is_chinese_refusal,
    strip_chinese_opening,
    unlike_numbers,
)

SIMPLIFIED = [
    "一只棕色的狗坐在红色的沙发上\u3002",
    "东京塔前的夜景\uff0c路上有3辆出租车\u3002",
    "一双 Nike Air Max 运动鞋放在木地板上\u3002",
    "周喆拿着一块写着 STOP 的牌子\u3002",
]
TRADITIONAL = ["一隻棕色的狗坐在紅色的沙發上\u3002", "兩輛紅色的計程車停在東京車站前面\u3002"]


@pytest.mark.parametrize("text", SIMPLIFIED)
def test_simplified_chinese(text: str) -> None:
    assert chinese_fault(text) is None


@pytest.mark.parametrize("text", TRADITIONAL)
def test_traditional_characters(text: str) -> None:
    assert chinese_fault(text) == "it was in traditional characters."


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A dog.",
        "狗",
        "犬がソファに座っています\u3002",
        "소파 위의 개가 있다 狗狗狗狗",
        "一只狗 dog on sofa lamp wall",
    ],
)
def test_other_languages(text: str) -> None:
    assert chinese_fault(text) == "it was not in Chinese."


def test_mixed_sentences() -> None:
    text = "一只棕色的狗坐在红色的沙发上\uff0c and there is a lamp\u3002"
    assert chinese_fault(text) == "it mixed English into the Chinese."


@pytest.mark.parametrize(
    ("english", "chinese", "unlike"),
    [
        ("Two dogs", "两只狗", []),
        ("2 dogs", "两只狗", []),
        ("Two dogs", "2只狗", []),
        ("A pair of shoes", "一双鞋", []),
        ("Two dogs", "三只狗", ["2", "3"]),
        ("Dogs", "三只狗", ["3"]),
        ("Three cats", "猫", ["3"]),
        ("12 eggs", "十二个鸡蛋", []),
        ("Bus 14", "14\u8def公交车", []),
        ("Bus 14", "\uff11\uff14\u8def公交车", []),
        ("Bus 14", "41\u8def公交车", ["14", "41"]),
        ("May 5, 2019", "2019年5月5日", []),
        ("June 5, 2019", "2019年6月5日", []),
        ("June 5, 2019", "2019年7月5日", ["7"]),
        ("10,000 people", "10000人", []),
        ("A sandwich", "一个三明治", []),
        ("A four-way crossing", "十字路口", []),
        ("A three-legged stool", "三条腿的凳子", []),
        ("Three dogs at a four-way crossing", "十字路口有两只狗", ["2", "3"]),
    ],
)
def test_numbers_of_both(english: str, chinese: str, unlike: list[str]) -> None:
    assert unlike_numbers(english, chinese) == unlike


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("图中有一只棕色的狗\u3002", "一只棕色的狗\u3002"),
        ("在这张照片中\uff0c一只狗在跑步\u3002", "一只狗在跑步\u3002"),
        ("这是一只狗\u3002", "这是一只狗\u3002"),
        ("图书馆里有很多书\u3002", "图书馆里有很多书\u3002"),
    ],
)
def test_openings(text: str, left: str) -> None:
    assert strip_chinese_opening(text) == left


def test_refusals_and_loops() -> None:
    assert is_chinese_refusal("很抱歉\uff0c我无法描述")
    assert is_chinese_refusal("我无法看到图片")
    assert is_chinese_refusal("没有可用的图片\u3002")
    assert is_chinese_refusal("未提供图片\uff0c请上传")
    assert not is_chinese_refusal("没有人的街道上停着一辆车\u3002")
    assert not is_chinese_refusal(SIMPLIFIED[0])
    assert is_chinese_loop("一只棕色的狗和" * 3, 0.3)
    assert not is_chinese_loop(SIMPLIFIED[0], 0.3)


@given(st.text(), st.text())
def test_any_text_is_judged(one: str, other: str) -> None:
    chinese_fault(one)
    assert unlike_numbers(one, other) == sorted(set(unlike_numbers(one, other)))
    assert one.endswith(strip_chinese_opening(one))
