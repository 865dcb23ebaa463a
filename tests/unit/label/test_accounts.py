"""Who an account is, and who nobody can tell it is."""

from lakemint.label.accounts import email, pseudonym


def test_an_address_that_label_studio_takes() -> None:
    assert email("small_reviews", 3) == "annotator-03@small-reviews.lakemint.local"


def test_a_pseudonym_depends_on_the_key_and_the_address() -> None:
    one = pseudonym("key", "a@b.c")
    assert len(one) == 16 and one == pseudonym("key", "a@b.c")
    assert len({one, pseudonym("other", "a@b.c"), pseudonym("key", "b@b.c")}) == 3
