//! Many guards at once: real processes, started in any order at any moment, go through one at a time and all finish.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use pannier_core::guard::Order;

use super::setup::House;
use pannier_testkit::gitlab::{Pipeline, Status};

/// Fails when another one is inside; tells that it was there.
const WORK: &str = r#"mkdir lock || exit 99; echo "$CI_PIPELINE_ID" >>log; rmdir lock || exit 98"#;

/// Runs a guard for each pipeline; gives exit codes and the order in which they went through.
pub fn run(house: &House, pipelines: &[Pipeline], order: Order) -> (Vec<i32>, Vec<u64>) {
    let folder = tempfile::TempDir::new().unwrap();
    let running = AtomicUsize::new(0);
    let mut shuffled: Vec<&Pipeline> = pipelines.iter().collect();
    fastrand::shuffle(&mut shuffled);
    let codes = std::thread::scope(|scope| {
        let mut threads = Vec::new();
        for pipeline in shuffled {
            // At a random moment of what the others do.
            let seen = house.gitlab.requests().len() + fastrand::usize(..20);
            while running.load(Ordering::SeqCst) > 0 && house.gitlab.requests().len() < seen {
                std::thread::yield_now();
            }
            running.fetch_add(1, Ordering::SeqCst);
            let (folder, running) = (folder.path(), &running);
            threads.push(scope.spawn(move || {
                let code = guarded(house, pipeline, order, folder);
                // The runner tells GitLab that the job is over.
                pipeline.job("deploy").set(match code {
                    0 => Status::Success,
                    _ => Status::Failed,
                });
                running.fetch_sub(1, Ordering::SeqCst);
                code
            }));
        }
        threads.into_iter().map(|it| it.join().unwrap()).collect()
    });
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap_or_default();
    (
        codes,
        log.lines().map(|line| line.parse().unwrap()).collect(),
    )
}

fn guarded(house: &House, pipeline: &Pipeline, order: Order, folder: &Path) -> i32 {
    pipeline.job("deploy").set(Status::Running);
    let order = match order {
        Order::Oldest => "oldest",
        Order::Newest => "newest",
    };
    let mut command = house.guard(pipeline);
    command.args(["--quiet", "--order", order, "--", "sh", "-c", WORK]);
    let status = command.current_dir(folder).status().unwrap();
    status.code().unwrap()
}

fn one_at_a_time(count: usize) {
    let house = House::of_today();
    let pipelines: Vec<Pipeline> = (0..count)
        .map(|_| house.deploying(Status::Pending))
        .collect();
    let (codes, went) = run(&house, &pipelines, Order::Oldest);
    assert_eq!(codes, vec![0; count]);
    let numbers: Vec<u64> = pipelines.iter().map(|it| it.id).collect();
    assert_eq!(went, numbers, "the older one goes first");
    let requests = house.gitlab.requests().len();
    report(&format!(
        "{count} guards: {} requests each",
        requests / count
    ));
}

#[allow(clippy::print_stderr, reason = "the figure is the result")]
pub fn report(text: &str) {
    eprintln!("{text}");
}

#[test]
fn two_guards() {
    one_at_a_time(2);
}

#[test]
fn five_guards() {
    one_at_a_time(5);
}

#[test]
fn twenty_guards() {
    one_at_a_time(20);
}

/// Of five with the newest first, those that are not at work give way; the newest one always gets through.
#[test]
fn five_guards_with_the_newest_first() {
    let house = House::of_today();
    let pipelines: Vec<Pipeline> = (0..5).map(|_| house.deploying(Status::Pending)).collect();
    let (codes, went) = run(&house, &pipelines, Order::Newest);
    assert!(codes.iter().all(|code| [0, 10].contains(code)), "{codes:?}");
    let through = codes.iter().filter(|code| **code == 0).count();
    assert_eq!(went.len(), through);
    assert!(went.contains(&pipelines[4].id), "{went:?}");
}
