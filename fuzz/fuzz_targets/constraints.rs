//! Constraints and requirements: what is read prints as text that is read as the same; credentials are not shown.
#![no_main]

use std::io;
use std::path::Path;

use pannier_core::constraints::Constraint;
use pannier_core::constraints::Loader;
use pannier_core::constraints::Variables;
use pannier_core::constraints::parse;
use pannier_core::constraints::parse_requirement;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let path = Path::new("a.txt");
    let constraints = match parse(text, path) {
        Ok(lines) => {
            pannier_fuzz::keeps_secret(text, &format!("{lines:?}"));
            lines
                .into_iter()
                .map(|line| line.constraint)
                .collect::<Vec<_>>()
        }
        Err(errors) => {
            for error in &errors {
                pannier_fuzz::keeps_secret(text, &pannier_fuzz::chain(error));
            }
            Vec::new()
        }
    };
    for constraint in constraints {
        let printed = constraint.to_string();
        let again: Constraint = printed
            .parse()
            .unwrap_or_else(|error| panic!("{printed:?}: {error}"));
        assert_eq!(again, constraint);
        let lenient = parse_requirement(&printed).map_err(|error| error.to_string());
        assert_eq!(lenient.as_ref(), Ok(constraint.requirement()));
    }
    let _ = parse_requirement(text);
    let variables = Variables::from([("TOKEN".to_owned(), "secret".to_owned())]);
    let reader = |asked: &Path| match asked == path {
        true => Ok(text.to_owned()),
        false => Err(io::ErrorKind::NotFound.into()),
    };
    let mut loader = Loader::new(&reader, &variables);
    let found = loader.requirements(path);
    pannier_fuzz::keeps_secret(
        text,
        &match loader.finish() {
            Ok(finished) => format!("{finished:?}"),
            Err(errors) => format!("{errors}"),
        },
    );
    drop(found);
});
