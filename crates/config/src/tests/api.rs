//! Where the API is and which tokens go there.

use crate::env::Environment;
use crate::{api, tokens};
use pannier_base::url::SafeUrl;

fn url(text: &str) -> SafeUrl {
    text.parse().unwrap()
}

#[test]
fn the_api_is_where_the_pipeline_says() {
    let base = url("https://user:hush@gitlab.example.com/platform/sub");
    let found = |environment: Environment| api(&environment, Some(&base)).unwrap().to_string();
    assert_eq!(found([].into()), "https://gitlab.example.com/api/v4");
    let server = [("CI_SERVER_URL", "https://ci.example.com/gitlab/")];
    assert_eq!(found(server.into()), "https://ci.example.com/gitlab/api/v4");
    let both = [
        server[0],
        ("CI_API_V4_URL", "https://ci.example.com/x/api/v4"),
    ];
    assert_eq!(found(both.into()), "https://ci.example.com/x/api/v4");
    assert_eq!(api(&[].into(), None), None);
}

#[test]
fn tokens_of_others_go_to_the_pipelines_server_only() {
    let all = Environment::from([
        ("PANNIER_TOKEN", "p"),
        ("GITLAB_TOKEN", "g"),
        ("CI_JOB_TOKEN", "j"),
        ("CI_SERVER_URL", "https://ci.example.com"),
    ]);
    let here = tokens(&all, &url("https://ci.example.com/api/v4"));
    assert_eq!(here.access().unwrap().source(), "PANNIER_TOKEN");
    assert!(here.job().is_some());
    let away = tokens(&all, &url("https://other.example.com/api/v4"));
    assert_eq!(away.access().unwrap().source(), "PANNIER_TOKEN");
    assert!(away.job().is_none());

    let mut some = all.clone();
    some.0.remove("PANNIER_TOKEN");
    let away = tokens(&some, &url("https://other.example.com/api/v4"));
    assert!(away.access().is_none());
    some.0.remove("CI_SERVER_URL");
    let anywhere = tokens(&some, &url("https://other.example.com/api/v4"));
    assert_eq!(anywhere.access().unwrap().source(), "GITLAB_TOKEN");
    assert!(anywhere.job().is_none());
}
