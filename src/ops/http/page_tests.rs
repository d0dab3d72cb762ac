use super::*;

fn scripts() -> impl Iterator<Item = &'static File> {
    FILES.iter().filter(|file| file.path.ends_with(".js"))
}

#[test]
fn a_file_is_sent_once_for_each_version() {
    for file in &FILES {
        let first = answer(file.path, None).unwrap();
        assert_eq!(first.status(), StatusCode::OK);
        assert_eq!(first.headers()[CONTENT_TYPE], file.kind);
        assert_eq!(first.headers()[CACHE_CONTROL], "no-cache");
        let tag = &first.headers()[ETAG];
        assert_eq!(answer(file.path, Some(tag)).unwrap().status(), StatusCode::NOT_MODIFIED);
        let others = HeaderValue::try_from(format!("\"other\", W/{}", tag.to_str().unwrap())).unwrap();
        assert_eq!(answer(file.path, Some(&others)).unwrap().status(), StatusCode::NOT_MODIFIED);
        let other = HeaderValue::from_static("\"0\"");
        assert_eq!(answer(file.path, Some(&other)).unwrap().status(), StatusCode::OK);
    }
    assert_eq!(answer("/live", None).unwrap().headers()[CONTENT_TYPE], "text/html; charset=utf-8");
    assert_eq!(answer("/index.html", None).unwrap().status(), StatusCode::OK);
    let elsewhere = answer("/live/", None).unwrap();
    assert_eq!(elsewhere.status(), StatusCode::PERMANENT_REDIRECT);
    assert_eq!(elsewhere.headers()[LOCATION], "../live");
    for path in ["", "/live/../Cargo.toml", "/live/page.rs", "/live/index.html", "/LIVE/page.js", "/livez"] {
        assert!(answer(path, None).is_none(), "{path}");
    }
}

/// A browser is told to load and to run nothing else.
#[test]
fn the_page_needs_nothing_that_the_policy_forbids() {
    let headers = answer("/", None).unwrap().headers().clone();
    let policy = headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
    for demand in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "trusted-types 'none'"]
    {
        assert!(policy.contains(demand), "{policy}");
    }
    for weakness in ["unsafe", "*", "http:", "https:", "data:", "blob:"] {
        assert!(!policy.contains(weakness), "{policy}");
    }
    assert_eq!(headers[X_CONTENT_TYPE_OPTIONS], "nosniff");
    let html = FILES[0].body;
    for inline in ["<script>", "<style", " style=", " onclick=", " onload=", "javascript:"] {
        assert!(!html.contains(inline), "{inline} in the page");
    }
}

/// What comes from clients is text, and never becomes markup or code.
#[test]
fn names_can_only_become_text() {
    for file in scripts() {
        for danger in
            ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", "srcdoc"]
        {
            assert!(!file.body.contains(danger), "{danger} in {}", file.path);
        }
    }
}

#[test]
fn the_page_asks_nobody_else_and_is_small() {
    for file in &FILES {
        // The only addresses are names of formats.
        let text = file.body.replace("http://www.w3.org/2000/svg", "");
        for other in ["http://", "https://", "\"//", "@import", "url("] {
            assert!(!text.contains(other), "{other} in {}", file.path);
        }
    }
    let size: usize = FILES.iter().map(|file| file.body.len()).sum();
    assert!(size <= 80_000, "{size} bytes");
}

#[test]
fn every_file_in_the_folder_is_served() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ops/http/page");
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let mut served: Vec<_> = FILES
        .iter()
        .map(|file| file.path.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("index.html"))
        .collect();
    names.sort();
    served.sort_unstable();
    assert_eq!(names, served);
}
