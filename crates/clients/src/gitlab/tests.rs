//! The pure parts of the door: error bodies, links to next pages, which token goes.

use super::message::of_body;
use super::pages::next_of_link;
use super::*;

#[test]
fn every_shape_of_an_error_becomes_one_line() {
    let says = |body: &str| of_body(body.as_bytes());
    assert_eq!(
        says(r#"{"message":"401 Unauthorized"}"#),
        "401 Unauthorized"
    );
    assert_eq!(says(r#"{"error":"ref is missing"}"#), "ref is missing");
    assert_eq!(
        says(r#"{"message":{"base":["Reference not found","x"],"ref":["is invalid"]}}"#),
        "Reference not found; x; ref: is invalid"
    );
    assert_eq!(
        says(
            r#"{"error":"insufficient_scope","error_description":"more is needed","scope":"api"}"#
        ),
        "insufficient_scope: more is needed"
    );
    assert_eq!(says(r#"{"message":{"error":"too many"}}"#), "too many");
    assert_eq!(says("Retry later\n"), "Retry later");
    assert_eq!(says("<html><body>502 Bad Gateway</body></html>"), "");
    assert_eq!(says(""), "");
    assert!(!says(r#"{"message":"see https://a:hush@host/x\u001b[1m"}"#).contains("hush"));
}

#[test]
fn the_next_page_is_found_in_the_link_header() {
    let header = r#"<https://h/p?page=1>; rel="first", <https://h/p?a=1,2&page=3>; rel="next", <https://h/p?page=9>; rel="last""#;
    assert_eq!(next_of_link(header), Some("https://h/p?a=1,2&page=3"));
    assert_eq!(next_of_link(r#"<https://h/p>; rel="first""#), None);
    assert_eq!(next_of_link("<https://h/p>; rel=next"), Some("https://h/p"));
    assert_eq!(next_of_link("<https://h/p; rel=next"), None);
    assert_eq!(next_of_link(""), None);
}

#[test]
fn the_token_that_suffices_goes() {
    let access = Token::new(Kind::Access, "a", "PANNIER_TOKEN");
    let job = Token::new(Kind::Job, "j", "CI_JOB_TOKEN");
    let sent = |tokens: &[&Token], needs: &Needs| {
        let tokens = Tokens::new(tokens.iter().map(|&it| it.clone()));
        let chosen = tokens.for_needs(needs);
        chosen.map(|it| it.map(|it| it.source().to_owned()))
    };
    let both = [&access, &job];
    assert_eq!(
        sent(&both, &Needs::WRITE_BY_JOB).unwrap().unwrap(),
        "PANNIER_TOKEN"
    );
    assert_eq!(
        sent(&[&job], &Needs::READ_BY_JOB).unwrap().unwrap(),
        "CI_JOB_TOKEN"
    );
    assert_eq!(sent(&[], &Needs::READ).unwrap(), None);
    let error = sent(&[&job], &Needs::WRITE).unwrap_err();
    assert_eq!(
        error.to_string(),
        "GitLab requires a token for this, and CI_JOB_TOKEN is not enough"
    );
    assert!(error.is_denied());
    assert!(sent(&[], &Needs::WRITE_BY_JOB).is_err());
    assert_eq!(format!("{access:?}"), "Token(Access from PANNIER_TOKEN)");
}

#[test]
fn a_project_is_a_number_or_a_path() {
    assert_eq!(ProjectRef::parse("17"), ProjectRef::Id(17));
    let path = ProjectRef::parse("/group/sub/tools");
    assert_eq!(path, ProjectRef::Path("group/sub/tools".to_owned()));
    assert_eq!(path.encoded(), "group%2Fsub%2Ftools");
    let odd = ProjectRef::parse("a b/ü?#%:+");
    assert_eq!(odd.encoded(), "a%20b%2F%C3%BC%3F%23%25:+");
}
