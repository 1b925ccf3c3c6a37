//! Outcomes and reasons as text.

use cache_page::{Outcome, Reason};

#[test]
fn outcome_is_written_with_its_reason() {
    assert_eq!(Outcome::Hit.to_string(), "hit");
    assert_eq!(Outcome::NotStored(Reason::SetCookie).to_string(), "not-stored: set-cookie");
    assert_eq!(format!("{:>12}", Reason::Status), "      status");
}

#[test]
fn every_outcome_and_reason_is_read_as_it_is_written() {
    for outcome in Outcome::all() {
        assert_eq!(outcome.to_string().parse(), Ok(outcome));
    }
    for reason in Reason::ALL {
        assert_eq!(reason.to_string().parse(), Ok(*reason));
    }
}

#[test]
fn other_names_are_errors() {
    for text in ["", "Hit", "hit: status", "bypass", "bypass:status", "bypass: nothing", "status"] {
        let error = text.parse::<Outcome>().unwrap_err();
        assert_eq!(error.to_string(), "not the name of an outcome or a reason", "{text}");
    }
    assert!("hit".parse::<Reason>().is_err());
}
