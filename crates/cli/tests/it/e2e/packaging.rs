//! Many thousand requirement lines, right and wrong ones: what Pannier takes, pip's `packaging` and uv take as well.
//!
//! Both are those of `PANNIER_E2E_TOOLS`. What is printed is read as the same.

use std::io::Write;
use std::process::{Command, Stdio};

use pannier_core::constraints::Constraint;

use crate::e2e::world::{succeed, tool};

const LINES: usize = 30_000;

const JUDGE: &str = r"
import json, sys, warnings
from pip._vendor.packaging.requirements import Requirement, InvalidRequirement
def taken(line):
    try:
        Requirement(line)
        return True
    except InvalidRequirement:
        return False
warnings.simplefilter('ignore')
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
                "-a", "_a", "a-", "a.", "ä", "a b", "a/b", "", "a!", "a_", ".", "A.b__", "a-_",
                "a_-", "a_.", "aä", "a_ä", "a-1.zip", "a.tar.gz", "_", "1", "x.whl",
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
            "[x_]",
            "[x_,y.]",
            "[x__y_]",
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
            "18446744073709551614",
            "18446744073709551615",
            "99999999999999999999!1",
            "1.0rc36893488147419103232",
            "1.0.post99999999999999999999.dev99999999999999999999",
            "1.0+99999999999999999999",
            "99999999999999999999.*",
            "000000000000000000000000001",
            "1.0a.",
            "1.0post-",
            "1.0-1-1",
            "1.0alp",
            "1.0.po\u{17f}t1",
            "1!",
            "1.0!2",
            "1.0.dev.",
        ])
    }

    /// What may stand behind `===`, and what may not.
    fn any_text(&mut self) -> String {
        const PIECES: &[&str] = &[
            "latest",
            "1.0",
            ",",
            ",>=1",
            "ä",
            "@",
            "(",
            "]",
            "[x]",
            "*",
            "+",
            "#a",
            "'x'",
            "==",
            "!",
            "\\",
            "/",
            "${X}",
            ",,",
            "2020-01-01",
            "\u{a0}",
            "$",
            "\u{1f}",
            "<2",
            "\"",
        ];
        (0..self.roll(4)).map(|_| self.pick(PIECES)).collect()
    }

    fn specifier(&mut self) -> String {
        if self.roll(8) == 0 {
            return format!("==={}{}", self.blank(), self.any_text());
        }
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
            "https://example.org/a.whl;",
            "https://example.org/a.whl#",
            ";",
            "#",
            "@",
            "..",
            "../a-1.tar.gz",
            "/abs/a.whl",
            "~/a.whl",
            "C:\\a.whl",
            "file://a/b.whl",
            "file://localhost/b.whl",
            "FILE:///b.whl",
            "git@example.org:x/y.git",
            "ssh://git@example.org/x/y",
            "git+ssh://git@example.org/x/y.git",
            "git+file:///x/y",
            "https://exämple.org/ä.whl",
            "https://example.org/%zz.whl",
            "https://[::1/a.whl",
            "https://example.org:/a.whl",
            "https://u:p@exa:99999/a.whl",
            "https://example.org/${NAME}.whl",
            "${URL}",
            "https://\u{1}.org/a.whl",
            "https://example.org/a.zip?x=y;z#egg=a&subdirectory=b",
            "foo://bar",
            "data:,x",
            "===1",
            "(https://example.org/a.whl)",
            "'quoted'",
            "https://example.org/a.whl\u{a0}",
        ]);
        let end = self.pick(&["", "", "", "", " ", ";", " x", "\t"]);
        format!("@{}{url}{end}", self.blank())
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
            "'99999999999999999999'",
            "\"it's\"",
            "'a\"b'",
            "'ä'",
            "'a\\x41'",
            "'a\\x4'",
            "'\\u00e4'",
            "'\\U00110000'",
            "'\\q'",
            "'\\'",
            "'\\\\'",
            "'\\8'",
            "'a\tb'",
            "''''",
            "'x",
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
            "extras",
            "dependency_groups",
            "dependency_group",
            "os.version",
            "implementation.name",
            "platform.release",
            "python.version",
            "extraß",
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
            4 => format!("( (({text}) ))"),
            5 => format!("{text})"),
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
                    " ", ";", ",", "=", "'", "(", ")", "[", "@", "#", "é", "\\", ".", "_", "-",
                    "+", "\"", "\u{a0}", "\u{c}", "\n", "\0", "*", "!", "1",
                ]);
                characters.insert(at, foreign.chars().next().expect("one"));
            }
        }
        *line = characters.into_iter().collect();
    }
}

#[test]
#[ignore = "wants pip's packaging and uv: PANNIER_E2E_TOOLS, made by .ci/install"]
fn packaging_and_uv_take_what_pannier_takes() {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut lines: Vec<String> = (0..LINES).map(|_| dice.line()).collect();
    lines.sort();
    lines.dedup();
    let read = lines
        .iter()
        .filter_map(|line| Some((line, line.parse::<Constraint>().ok()?)));
    let read: Vec<(&String, Constraint)> = read.collect();
    println!("{} of {} lines are taken", read.len(), lines.len());
    assert!(
        read.len() > 1500 && lines.len() - read.len() > 2000,
        "the corpus is lopsided"
    );
    // `packaging` needs blanks in places where uv does not, and none in others: it gets what is printed.
    let mut printed_lines: Vec<String> = Vec::new();
    for (line, constraint) in &read {
        let printed = constraint.to_string();
        assert_eq!(printed.parse().as_ref(), Ok(constraint), "{line:?}");
        printed_lines.push(printed);
    }
    let judged = judge(&printed_lines);
    let refused = printed_lines.iter().zip(judged);
    let refused: Vec<_> = refused.filter(|(_, taken)| !taken).collect();
    assert!(refused.is_empty(), "packaging refuses {refused:#?}");
    let folder = tempfile::tempdir().expect("a folder");
    let written = read.iter().map(|(line, _)| line.as_str());
    let lines: Vec<&str> = written
        .chain(printed_lines.iter().map(String::as_str))
        .collect();
    std::fs::write(folder.path().join("c.txt"), lines.join("\n")).expect("it is written");
    std::fs::write(folder.path().join("empty.in"), "").expect("it is written");
    let mut uv = Command::new(tool("uv"));
    uv.args(["pip", "compile", "--offline", "--no-index", "--no-cache"]);
    uv.args(["--quiet", "-c", "c.txt", "empty.in"]);
    uv.current_dir(folder.path());
    succeed(uv);
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
