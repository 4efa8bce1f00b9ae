//! A project's page with other links: JSON (PEP 691) or HTML (PEP 503), in the form that it came in.

use std::fmt::Write as _;

use serde_json::Value;

use crate::uv::simple;
use pannier_base::url::SafeUrl;

/// The page that came from `page` with `link` applied to the URL of every file; `None` for JSON that cannot be read.
pub(super) fn rewritten(
    text: &str,
    page: &SafeUrl,
    link: &dyn Fn(&SafeUrl) -> String,
) -> Option<String> {
    if text.trim_start().starts_with('{') {
        json(text, page, link)
    } else {
        Some(html(text, page, link))
    }
}

fn json(text: &str, page: &SafeUrl, link: &dyn Fn(&SafeUrl) -> String) -> Option<String> {
    let mut read: Value = serde_json::from_str(text).ok()?;
    let files = read.get_mut("files").and_then(Value::as_array_mut);
    for file in files.into_iter().flatten() {
        let Some(url) = file.get_mut("url") else {
            continue;
        };
        let linked = url.as_str().and_then(|url| joined(page, url));
        if let Some(linked) = linked {
            *url = Value::String(link(&linked));
        }
    }
    Some(read.to_string())
}

/// The links with all their attributes, and nothing else of the page: no installer reads more.
fn html(text: &str, page: &SafeUrl, link: &dyn Fn(&SafeUrl) -> String) -> String {
    let base = simple::tags(text, "base").into_iter().next();
    let base = base.and_then(|mut base| joined(page, &base.remove("href")?));
    let base = base.as_ref().unwrap_or(page);
    let mut out =
        String::from("<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"></head><body>\n");
    for mut attributes in simple::tags(text, "a") {
        let Some(url) = attributes.remove("href").and_then(|url| joined(base, &url)) else {
            continue;
        };
        let _ = write!(out, "<a href=\"{}\"", escaped(&link(&url)));
        for (name, value) in &attributes {
            let _ = write!(out, " {name}=\"{}\"", escaped(value));
        }
        let _ = writeln!(out, ">{}</a>", escaped(&url.file_name()));
    }
    out + "</body></html>\n"
}

/// The URL of a link. A page's user information is not believed: it is neither sent nor learned as a secret, with which an
/// index could blank out words in messages. A signature in the query belongs to the file.
fn joined(page: &SafeUrl, link: &str) -> Option<SafeUrl> {
    let joined = page.expose().join(link.trim()).ok()?;
    let joined = SafeUrl::of_server(joined.as_str()).ok()?;
    Some(joined.without_credentials())
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('"', "&quot;");
    text.replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn page(text: &str) -> Option<String> {
        let page = "https://example.org/root/simple/a/".parse().unwrap();
        rewritten(text, &page, &|url| format!("<{url}>"))
    }

    #[test]
    fn every_file_of_a_json_page_has_another_url() {
        let text = page(
            r#"{"meta": {"api-version": "1.1"}, "name": "a", "files": [
            {"filename": "a-1.tar.gz", "url": "../../files/a-1.tar.gz", "hashes": {"sha256": "00"}, "size": 12345678901,
             "yanked": "it's", "core-metadata": {"sha256": "11"}},
            {"filename": "a-2.tar.gz", "url": "https://files.example.com/a-2.tar.gz?x=1"}, {"filename": "odd"}]}"#,
        );
        insta::assert_snapshot!(text.unwrap(), @r#"{"files":[{"core-metadata":{"sha256":"11"},"filename":"a-1.tar.gz","hashes":{"sha256":"00"},"size":12345678901,"url":"<https://example.org/root/files/a-1.tar.gz>","yanked":"it's"},{"filename":"a-2.tar.gz","url":"<https://files.example.com/a-2.tar.gz?x=1>"},{"filename":"odd"}],"meta":{"api-version":"1.1"},"name":"a"}"#);
        assert_eq!(page("{"), None);
    }

    #[test]
    fn every_link_of_an_html_page_has_another_url_and_its_attributes() {
        let text = page(
            "<html><body><h1>Links</h1><a href=\"../../files/a-1.whl#sha256=00\" data-requires-python='&gt;=3.9'>a-1.whl</a>
            <A HREF=/a%2Bb.whl data-yanked data-core-metadata=sha256=11>x</A><a name=top></a></body></html>",
        );
        insta::assert_snapshot!(text.unwrap(), @r#"
        <!DOCTYPE html>
        <html><head><meta charset="utf-8"></head><body>
        <a href="&lt;https://example.org/root/files/a-1.whl#sha256=00&gt;" data-requires-python="&gt;=3.9">a-1.whl</a>
        <a href="&lt;https://example.org/a%2Bb.whl&gt;" data-core-metadata="sha256=11" data-yanked="">a+b.whl</a>
        </body></html>
        "#);
        let text = page("<base href='https://cdn.example.org/x/'><a href='a.whl'>a</a>").unwrap();
        assert!(
            text.contains("&lt;https://cdn.example.org/x/a.whl&gt;"),
            "{text}"
        );
    }

    #[test]
    fn a_signed_link_is_a_link_and_its_user_is_dropped() {
        let signed = "https://files.example.com/a-1.whl?X-Amz-Signature=00&private_token=11";
        let user = "https://pageuser:pagepassword@files.example.com/b-1.whl";
        let json = format!(r#"{{"files": [{{"url": "{signed}"}}, {{"url": "{user}"}}]}}"#);
        let html = format!("<a href=\"{signed}\"></a><a href=\"{user}\"></a>");
        for text in [json, html] {
            let links = std::cell::RefCell::new(Vec::new());
            let page = "https://example.org/simple/a/".parse().unwrap();
            let link = |url: &SafeUrl| {
                links.borrow_mut().push(url.expose().to_string());
                String::new()
            };
            assert!(rewritten(&text, &page, &link).is_some());
            assert_eq!(
                links.into_inner(),
                [signed, "https://files.example.com/b-1.whl"]
            );
        }
        assert_eq!(
            pannier_base::secret::scrub("a pagepassword"),
            "a pagepassword"
        );
    }

    proptest! {
        #[test]
        fn what_is_rewritten_is_read_as_the_same_files(names in proptest::collection::vec("[a-z0-9.+&'\"<>é-]{1,12}", 0..5)) {
            let links: String = names.iter().map(|name| format!("<a href=\"{}.whl\" data-x=\"{}\">", escaped(name), escaped(name))).collect();
            let page: SafeUrl = "https://example.org/a/".parse().unwrap();
            let text = rewritten(&links, &page, &|url| url.to_string()).unwrap();
            let values = |text: &str| -> Vec<_> { simple::tags(text, "a").into_iter().map(|mut tag| tag.remove("data-x")).collect() };
            let some: Vec<_> = names.into_iter().map(Some).collect();
            prop_assert_eq!(values(&text), some);
        }

        #[test]
        fn any_page_is_survived(text in "(<a |<base |href=|'|\"|>|\\{|\\[|\"files\":|é|.){0,20}") {
            let _ = page(&text);
        }
    }
}
