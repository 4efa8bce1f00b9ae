//! A few thousand requirement lines, right and wrong ones, judged by Pannier and by Python's `packaging` alike.
//!
//! `packaging` is the one that the pip of `PANNIER_E2E_TOOLS` brings. Pannier takes nothing that `packaging`
//! refuses, and what it refuses beyond that is listed in [`KNOWN`], each with its reason.

use std::io::Write;
use std::process::{Command, Stdio};

use pannier::constraints::parse_requirement;

use crate::world::tool;

const LINES: usize = 6000;

/// What Pannier refuses although `packaging` takes it: how that is seen from the line and from Pannier's reason, and why it is so.
const KNOWN: &[(Sign, &str)] = &[
    (
        |line, reason| {
            line.contains('@')
                && ["host", "URL", "port", "IPv6", "domain"]
                    .iter()
                    .any(|word| reason.contains(word))
        },
        "a URL that nothing can be fetched from; packaging does not look into URLs, pip and uv fail later",
    ),
    (
        |line, reason| reason.contains("must end with a letter or digit") && line.contains('_'),
        "a name that ends with `_`, which PEP 508 forbids; packaging takes it for a letter there",
    ),
    (
        |_, reason| reason.contains("18446744073709551615"),
        "a number beyond 64 bits in a version",
    ),
    (
        |line, _| {
            line.split(';')
                .next()
                .is_some_and(|versions| versions.contains("==="))
        },
        "`===` with something that is no version (PEP 440): uv, which chooses, knows versions alone",
    ),
    (
        |_, reason| {
            reason.contains("found `extras`") || reason.contains("found `dependency_groups`")
        },
        "markers `extras` and `dependency_groups`, which mean something in lock files alone (PEP 751)",
    ),
    (
        |line, _| {
            line.split_once(';')
                .is_some_and(|(_, marker)| marker.contains("==="))
        },
        "`===` in a marker, which PEP 508 does not define for texts",
    ),
];

/// Tells a difference by the line and by why Pannier refuses it.
type Sign = fn(&str, &str) -> bool;

const JUDGE: &str = r"
import json, sys
from pip._vendor.packaging.requirements import Requirement, InvalidRequirement
def taken(line):
    try:
        Requirement(line)
        return True
    except InvalidRequirement:
        return False
print(json.dumps([taken(line) for line in json.load(sys.stdin)]))
";

/// Numbers that are the same in every run (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.roll(from.len())]
    }

    fn blank(&mut self) -> &'static str {
        self.pick(&["", "", "", " ", "  ", "\t"])
    }

    fn name(&mut self) -> &'static str {
        if self.roll(10) == 0 {
            return self.pick(&[
                "-a", "_a", "a-", "a.", "ä", "a b", "a/b", "", "a!", "a_", ".",
            ]);
        }
        self.pick(&[
            "a",
            "A-b",
            "a.b_c",
            "zope.interface",
            "x--y",
            "p..q",
            "1a",
            "A0",
            "ruamel.yaml",
            "six",
            "py3",
        ])
    }

    fn extras(&mut self) -> &'static str {
        self.pick(&[
            "",
            "",
            "",
            "",
            "[x]",
            "[x,y]",
            "[ x , y ]",
            "[]",
            "[ ]",
            "[x,]",
            "[,x]",
            "[x y]",
            "[x",
            "[x-]",
            "[x.y]",
            " [x]",
            "[x][y]",
            "[-x]",
            "[1]",
        ])
    }

    fn version(&mut self) -> &'static str {
        self.pick(&[
            "1",
            "1.0",
            "1.0.*",
            "1.*",
            "1!2.0",
            "2.0rc1",
            "2.0.post1",
            "2.0.dev3",
            "1.0+local",
            "1.0+local.1",
            "1.0-1",
            "v1.0",
            "1.0a",
            "1.0.",
            "1..0",
            ".1",
            "1.0alpha1",
            "1.0.post",
            "*",
            "1.0*",
            "1.0.0.0.0",
            "latest",
            "2020.1.1",
            "01.0",
            "1_0",
            "1.0+a_b",
            "1.0RC1",
            "1.0-rc.1",
            "1.0c1",
            "1.0-r4",
            "1.0.dev",
            "1.0a1.*",
            "1.0+l.*",
            "1!1.*",
            "1.0.post1.dev2",
            "18446744073709551616",
            "1.0-",
            "1.0+",
            "1.0++a",
            "V2",
            "1.0_post1",
            "1.0.preview2",
            "",
        ])
    }

    fn specifier(&mut self) -> String {
        let operator = self.pick(&[
            "==", "==", "===", "!=", "~=", "<=", ">=", "<", ">", "=", "=>", "=<", "====", "<>",
            "~", "!",
        ]);
        format!("{operator}{}{}", self.blank(), self.version())
    }

    fn specifiers(&mut self) -> String {
        let all: Vec<String> = (0..1 + self.roll(3)).map(|_| self.specifier()).collect();
        let joint = self.pick(&[",", ",", " , ", ", ", ",,", " "]);
        let mut text = all.join(joint);
        if self.roll(15) == 0 {
            text += ",";
        }
        match self.roll(8) {
            0 => format!("({text})"),
            1 if self.roll(3) == 0 => format!("({text}"),
            2 => format!("({}{text}{})", self.blank(), self.blank()),
            _ => text,
        }
    }

    fn url(&mut self) -> String {
        let url = self.pick(&[
            "https://example.org/a.whl",
            "git+https://example.org/x/y.git@v1#egg=a",
            "file:///a/b.tar.gz",
            "https://example.org/a.whl#sha256=00",
            "./a",
            "a",
            "",
            "https://exa mple.org/a",
            "https://[::1]/a",
            "https://example.org/a;b",
            "https://example.org:99999/a",
            "http:",
            "https://",
            "svn+ssh://user@host/x",
            "https://example.org/a(b)",
            "file:a",
            "https://u:p@example.org/a",
        ]);
        format!("@{}{url}", self.blank())
    }

    fn value(&mut self) -> &'static str {
        self.pick(&[
            "'3.8'",
            "\"3.10\"",
            "'linux'",
            "'3.8.*'",
            "'abc'",
            "''",
            "'x86_64'",
            "'3.9.1rc1'",
            "3.8",
            "'3.8\"",
            "'CPython'",
            "'>=3'",
            "'3.8 3.9'",
            "'3.8, 3.9'",
        ])
    }

    fn variable(&mut self) -> &'static str {
        self.pick(&[
            "python_version",
            "python_version",
            "python_full_version",
            "os_name",
            "sys_platform",
            "platform_machine",
            "platform_python_implementation",
            "platform_release",
            "platform_system",
            "platform_version",
            "implementation_name",
            "implementation_version",
            "extra",
            "os.name",
            "sys.platform",
            "platform.machine",
            "platform.python_implementation",
            "python_implementation",
            "platform.version",
            "python_versio",
            "Python_version",
            "extras",
            "dependency_groups",
        ])
    }

    fn comparison(&mut self) -> String {
        let operator = self.pick(&[
            "==", "==", "!=", "<", "<=", ">", ">=", "~=", "===", "in", "not in", "not  in",
            "notin", "=", "is", "In",
        ]);
        let [left, right] = match self.roll(8) {
            0 => [self.value(), self.variable()],
            1 if self.roll(3) == 0 => [self.value(), self.value()],
            2 if self.roll(4) == 0 => [self.variable(), self.variable()],
            _ => [self.variable(), self.value()],
        };
        let word = operator.starts_with(|c: char| c.is_ascii_alphabetic());
        let blank = if word && self.roll(10) > 0 {
            " "
        } else {
            self.blank()
        };
        format!("{left}{blank}{operator}{blank}{right}")
    }

    fn marker(&mut self) -> String {
        let mut text = self.comparison();
        for _ in 0..self.roll(3) {
            let joint = self.pick(&[" and ", " or ", " and ", "and", " And ", " && "]);
            let next = self.comparison();
            text = match self.roll(4) {
                0 => format!("({text}){joint}{next}"),
                1 => format!("{text}{joint}({next})"),
                _ => format!("{text}{joint}{next}"),
            };
        }
        match self.roll(12) {
            0 => format!("({text}"),
            1 => format!("not {text}"),
            2 => format!("{text} and"),
            3 => String::new(),
            _ => text,
        }
    }

    fn line(&mut self) -> String {
        let mut line = format!("{}{}{}", self.blank(), self.name(), self.extras());
        match self.roll(5) {
            0 => {}
            1 => line += &format!("{}{}", self.pick(&[" ", " ", ""]), self.url()),
            _ => line += &format!("{}{}", self.blank(), self.specifiers()),
        }
        if self.roll(3) == 0 {
            line += &format!(
                "{};{}{}",
                self.pick(&["", " ", " "]),
                self.blank(),
                self.marker()
            );
        }
        if self.roll(6) == 0 {
            self.spoil(&mut line);
        }
        line + self.blank()
    }

    /// Takes a character away, doubles one or puts a foreign one in.
    fn spoil(&mut self, line: &mut String) {
        let mut characters: Vec<char> = line.chars().collect();
        if characters.is_empty() {
            return;
        }
        let at = self.roll(characters.len());
        match self.roll(3) {
            0 => drop(characters.remove(at)),
            1 => characters.insert(at, characters[at]),
            _ => {
                let foreign = self.pick(&[
                    " ", ";", ",", "=", "'", "(", ")", "[", "@", "#", "é", "\\", ".",
                ]);
                characters.insert(at, foreign.chars().next().expect("one"));
            }
        }
        *line = characters.into_iter().collect();
    }
}

#[test]
#[ignore = "wants pip's packaging: PANNIER_E2E_TOOLS, made by .ci/install"]
fn packaging_judges_requirements_alike() {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut lines: Vec<String> = (0..LINES).map(|_| dice.line()).collect();
    lines.sort();
    lines.dedup();
    let judged = judge(&lines);
    assert_eq!(judged.len(), lines.len());
    let mut unexplained = Vec::new();
    let mut explained = vec![0; KNOWN.len()];
    for (line, &packaging) in lines.iter().zip(&judged) {
        let known = match (parse_requirement(line), packaging) {
            (Ok(_), true) | (Err(_), false) => continue,
            (Ok(_), false) => Err(format!("only Pannier takes {line:?}")),
            (Err(why), true) => KNOWN
                .iter()
                .position(|(sign, _)| sign(line, &why.reason))
                .ok_or_else(|| format!("only packaging takes {line:?}: {}", why.reason)),
        };
        match known {
            Ok(reason) => explained[reason] += 1,
            Err(difference) => unexplained.push(difference),
        }
    }
    let taken = judged.iter().filter(|taken| **taken).count();
    println!("{} lines compared, {taken} of them right", lines.len());
    for ((_, reason), count) in KNOWN.iter().zip(&explained) {
        println!("{count:4} differ: {reason}");
    }
    assert!(
        taken > 500 && lines.len() - taken > 500,
        "the corpus is lopsided"
    );
    assert!(
        unexplained.is_empty(),
        "{} differences nobody explains:\n{}",
        unexplained.len(),
        unexplained.join("\n")
    );
}

fn judge(lines: &[String]) -> Vec<bool> {
    let mut python = Command::new(tool("python"))
        .args(["-c", JUDGE])
        .env("PYTHONIOENCODING", "utf-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python starts");
    let asked = serde_json::to_vec(lines).expect("texts");
    let mut stdin = python.stdin.take().expect("piped");
    stdin.write_all(&asked).expect("Python reads");
    drop(stdin);
    let output = python.wait_with_output().expect("Python answers");
    assert!(output.status.success(), "the judge fails");
    serde_json::from_slice(&output.stdout).expect("a list")
}
