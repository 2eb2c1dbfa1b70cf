"""Medicines to ingredients: what each means of naming one gives, and that nothing is picked or guessed."""

import json
from importlib.resources import files

import pytest

from fhir_mappings.codes.medicine_names import classes_of
from fhir_mappings.codes.medicines import shipped_table
from fhir_mappings.codes.systems import RXNORM, SNOMED
from fhir_mappings.facts.clinical import Code, Resolution

FOLDER = files("fhir_mappings").joinpath("value_sets", "medicines")
TABLES = {"brands", "common-medicines", "products"}


def rx(*codes: str) -> list[Code]:
    return [Code(system=RXNORM, code=code) for code in codes]


def held(*codes: str, texts: tuple[str, ...] = ()) -> set[str]:
    return set(shipped_table().resolve(rx(*codes), texts).ingredients)


def named(text: str) -> set[str]:
    return set(shipped_table().resolve((), [text]).ingredients)


@pytest.mark.parametrize(
    ("codes", "texts", "ingredients", "means"),
    [
        (["36437"], ["Prozac"], {"sertraline"}, Resolution.INGREDIENT),
        (["312941"], [], {"sertraline"}, Resolution.PRODUCT),
        (["00000", "312941"], ["Prozac"], {"sertraline"}, Resolution.PRODUCT),
        (["99999999"], ["Zoloft 50 mg"], {"sertraline"}, Resolution.BRAND),
        (["99999999"], ["sertraline 50 mg"], {"sertraline"}, Resolution.TEXT),
        (["99999999"], ["simvastatin"], {"simvastatin"}, Resolution.TEXT),
        (["99999999"], ["nobodyknowsin"], set(), Resolution.NONE),
        ([], [], set(), Resolution.NONE),
    ],
)
def test_the_order_of_the_means(codes: list[str], texts: list[str], ingredients: set[str], means: Resolution) -> None:
    found = shipped_table().resolve(rx(*codes), texts)
    assert (set(found.ingredients), found.resolution) == (ingredients, means)


def test_a_code_counts_in_its_own_system_only() -> None:
    assert shipped_table().resolve([Code(system=SNOMED, code="36437")], []).resolution is Resolution.NONE


def test_codings_that_contradict_each_other_all_count() -> None:
    found = shipped_table().resolve(rx("36437", "8123"), [])
    assert found.ingredients == {"sertraline", "phenelzine"}
    mixed = shipped_table().resolve(rx("312941", "8123"), [])
    assert mixed.ingredients == {"sertraline", "phenelzine"}
    assert mixed.parts == ()  # of two views of a product neither gives a strength


def test_codings_that_agree_keep_the_strength() -> None:
    found = shipped_table().resolve(rx("36437", "312941"), [])
    assert [(part.ingredient, str(part.strength), part.unit) for part in found.parts] == [("sertraline", "50", "MG")]


def test_codings_of_two_strengths_keep_neither() -> None:
    found = shipped_table().resolve(rx("1000048", "1000058"), [])
    assert (found.ingredients, found.parts) == ({"doxepin"}, ())


@pytest.mark.parametrize(
    ("rxcui", "ingredients"),
    [
        ("403969", {"fluoxetine", "olanzapine"}),
        ("2611260", {"bupropion", "dextromethorphan"}),
        ("1000001", {"amlodipine", "hydrochlorothiazide", "olmesartan medoxomil"}),
    ],
)
def test_a_combination_is_split(rxcui: str, ingredients: set[str]) -> None:
    assert held(rxcui) == ingredients


def test_the_salts_of_one_ingredient_add_up() -> None:
    products = json.loads(FOLDER.joinpath("products.json").read_text("utf-8"))["products"]
    code = next(c for c, (name, _) in products.items() if name.startswith("amphetamine aspartate 1.25 MG"))
    strengths = {part.ingredient: part.strength for part in shipped_table().resolve(rx(code), []).parts}
    assert {name: str(amount) for name, amount in strengths.items()} == {
        "amphetamine": "2.50",
        "dextroamphetamine": "2.50",
    }


@pytest.mark.parametrize(
    ("text", "ingredients"),
    [
        ("escitalopram 10 mg", {"escitalopram"}),
        ("citalopram 20 mg", {"citalopram"}),
        ("desvenlafaxine ER", {"desvenlafaxine"}),
        ("venlafaxine XR 75mg", {"venlafaxine"}),
        ("dexmethylphenidate", {"dexmethylphenidate"}),
        ("methylphenidate", {"methylphenidate"}),
        ("levomilnacipran", {"levomilnacipran"}),
        ("milnacipran", {"milnacipran"}),
        ("esketamine", {"esketamine"}),
        ("ESKETAMINE / ketamine", {"esketamine", "ketamine"}),
        ("norfluoxetine", set()),
        ("apomorphine", set()),
        ("dihydrocodeine", {"dihydrocodeine"}),
        ("Symbyax", {"fluoxetine", "olanzapine"}),
        ("Contrave ER", {"bupropion", "naltrexone"}),
        ("Auvelity", {"bupropion", "dextromethorphan"}),
        ("Adderall XR", {"amphetamine", "dextroamphetamine"}),
        ("Adipex-P 37.5 mg", {"phentermine"}),
        ("ADIPEX", {"phentermine"}),
        ("methylene\u00a0blue 1%", {"methylene blue"}),
        ("methylene chloride", set()),
        ("MS  Contin", {"morphine"}),
        ("bupropion/naltrexone", {"bupropion", "naltrexone"}),
        ("sertraline50mg", {"sertraline"}),
        ("pethidine", {"meperidine"}),
        ("x" * 30_000 + " ketamine", set()),
    ],
)
def test_names_in_words(text: str, ingredients: set[str]) -> None:
    assert named(text) == ingredients


@pytest.mark.parametrize(
    ("ingredient", "classes"),
    [
        ("lorazepam", {"benzodiazepine"}),
        ("zolpidem", {"z-drug"}),
        ("gabapentin", {"gabapentinoid"}),
        ("phenobarbital", {"barbiturate"}),
        ("selegiline", {"antidepressant", "maoi"}),
        ("phenelzine", {"antidepressant", "maoi"}),
        ("rasagiline", {"maoi"}),
        ("linezolid", {"maoi"}),
        ("methylene blue", {"maoi"}),
        ("esketamine", {"ketamine"}),
        ("aminophylline", {"theophylline"}),
        ("carbamazepine", {"cyp-interaction"}),
        ("lamotrigine", {"lamotrigine"}),
        ("lithium", {"augmenter"}),
        ("naltrexone", {"naltrexone"}),
        ("acetaminophen", set()),
    ],
)
def test_classes(ingredient: str, classes: set[str]) -> None:
    assert classes_of([ingredient]) == classes


@pytest.mark.parametrize("entry", sorted(e.name for e in FOLDER.iterdir()))
def test_every_table_says_what_it_is_and_where_it_comes_from(entry: str) -> None:
    table = json.loads(FOLDER.joinpath(entry).read_text("utf-8"))
    assert all(table[name] for name in ("title", "purpose", "version", "source"))
    assert table["name"] == entry.removesuffix(".json")


def test_one_code_has_one_ingredient_and_one_ingredient_has_one_code() -> None:
    classes = [json.loads(e.read_text("utf-8")) for e in FOLDER.iterdir() if e.name[:-5] not in TABLES]
    pairs = {(e["ingredient"], e["rxcui"]) for table in classes for e in table["ingredients"] if "rxcui" in e}
    assert len({code for _, code in pairs}) == len(pairs) == len({name for name, _ in pairs})


def test_a_code_is_never_both_an_ingredient_and_a_product() -> None:
    assert not set(shipped_table().ingredients) & set(shipped_table().products)


def test_every_product_holds_something_that_is_named() -> None:
    for rxcui in shipped_table().products:
        found = shipped_table().resolve(rx(rxcui), [])
        assert found.ingredients, rxcui
        assert found.whole, rxcui


def test_names_and_codes_of_products_agree() -> None:
    """The words of a product's own name never name a medicine of a rule that its parts do not hold."""
    for rxcui, (name, parts) in shipped_table().products.items():
        assert {one for one in named(name) if classes_of([one])} <= {part[0] for part in parts}, rxcui


@pytest.mark.parametrize(
    ("text", "ingredients"),
    [
        ("Theo-24 300 mg", {"theophylline"}),
        ("Fioricet 50-300-40", {"butalbital"}),
        ("Fioricet with Codeine", {"butalbital", "codeine"}),
        ("Tylenol with codeine #3", {"codeine"}),
        ("MAOI, name not known", {"mao inhibitor"}),
    ],
)
def test_brands_that_are_easily_missed(text: str, ingredients: set[str]) -> None:
    assert named(text) == ingredients


def test_words_add_to_a_code_what_must_not_be_missed_and_nothing_else() -> None:
    assert held("36437", texts=("phenelzine (Nardil) 15 mg tablet",)) == {"sertraline", "phenelzine"}
    assert held("312941", texts=("Theo-24",)) == {"sertraline", "theophylline"}
    assert held("36437", texts=("Spravato",)) == {"sertraline", "esketamine"}
    assert held("36437", texts=("Prozac, lorazepam",)) == {"sertraline"}
    assert shipped_table().resolve(rx("312941"), ["Nardil"]).parts == ()
