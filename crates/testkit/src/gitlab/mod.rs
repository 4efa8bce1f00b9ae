//! A GitLab with memory, on loopback: git over HTTP through `git http-backend`, the REST API that Pannier uses, tokens with
//! roles and scopes, protected branches, pipelines that move when told to, and faults on demand. Every answer comes out of one
//! state; nothing is answered because a test expects it. It runs no jobs, merges no conflicts and has no interface.
//!
//! ```ignore
//! let gitlab = Gitlab::start();
//! let tools = gitlab.project("platform/tools");           // private; groups are made on the way; `main` has one commit
//! let bot = gitlab.user("bot");
//! tools.member(&bot, Role::Maintainer);                   // or gitlab.group("platform").member(…)
//! let token = gitlab.token(&bot, &["api"]);               // also: tools.deploy_token(), trigger_token, bot_token; revoke, expire
//!
//! let first = tools.commit("main", &[("setup.py", "…")]); // makes the branch when it is new; gives the commit
//! tools.set_branch("production", &first);
//! tools.protect("production", Role::Maintainer, Force::Refused);
//! let merge_request = tools.merge_request("feature", "main");
//! let fork = tools.fork(&gitlab.user("eve"));
//! let foreign = fork.merge_request_to(&tools, "feature", "main");
//!
//! let pipeline = tools.pipeline("main", Status::Running)   // as it is said to be, until one of its jobs is set
//!     .with_job("build", "build", Status::Success)
//!     .with_job("deploy", "deploy", Status::Running);
//! let job = pipeline.job("deploy");
//! let _ = (job.token(), job.variables());                 // the token counts while the job runs; CI_… variables
//! job.set(Status::Success);                               // the pipeline's status follows
//! let child = pipeline.child("downstream", Status::Running);
//!
//! gitlab.fault("GET */pipelines?", Fault::Drop);          // once; see `Loopback::fault`; also Lose, Truncate, Stall, Answer
//! gitlab.too_many("POST */notes?", TooMany::Json);
//! gitlab.throttle(Throttle::hourly(7200));                // 429 for a user's further requests, as where an administrator set it
//! gitlab.latency(Duration::from_millis(100));
//! gitlab.advance(SignedDuration::from_mins(5));           // the clock stands still otherwise
//! tools.move_to("platform/kit");                          // old paths lead there; also delete, expel, pipeline.delete()
//! gitlab.requests();                                      // what was asked, without tokens
//! gitlab.read(|state| state.pipelines.len());             // and change(|state| …) for what has no method here
//! ```
#![allow(dead_code, unused_imports, reason = "each test target uses its part")]

pub mod answer;
mod api;
mod call;
mod ci;
mod deploys;
mod faults;
mod git;
mod graphql;
mod hooks;
mod params;
mod push;
mod repo;
mod router;
mod seed;
mod server;
mod settings;
pub mod state;
mod status;
mod throttle;
mod tokens;
mod variables;
mod world;

use super::{git_http, loopback};

pub use ci::JobSpec;
pub use faults::TooMany;
pub use loopback::Fault;
pub use server::{Gitlab, Seen};
pub use settings::Settings;
pub use state::{Clock, Id, Role, State, Visibility};
pub use status::Status;
pub use throttle::Throttle;
pub use tokens::Scope;
pub use world::{Force, Group, Job, MergeRequest, Pipeline, Project, User};
