//! The server: requests go to git or to the router, webhooks leave when the state is free, and tests look at it from here.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::SignedDuration;
use tempfile::TempDir;

use super::answer::error;
use super::faults::{TooMany, server_error};
use super::loopback::{Answer, Fault, Loopback, Request};
use super::state::{Clock, Delivery, Id, State};
use super::throttle::Throttle;
use super::{git, graphql, router};

/// What the sender of webhooks gets.
enum Post {
    Delivery(Box<Delivery>),
    /// Say when everything before has been sent.
    Settle(Sender<()>),
}

/// The state, and the way out for webhooks.
pub struct World {
    state: Mutex<State>,
    post: Mutex<Sender<Post>>,
}

impl World {
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic")
    }

    /// Changes something, and sends the webhooks that follow.
    pub fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let result = change(&mut state);
        let outbox = std::mem::take(&mut state.outbox);
        let post = self.post.lock().expect("no panic");
        for delivery in outbox {
            let _ = post.send(Post::Delivery(Box::new(delivery)));
        }
        result
    }

    fn answer(&self, request: &Request) -> Answer {
        let number = self.change(|state| state.next("request"));
        let answer = if git::is_git(request) {
            let answer = git::answer(&self.state, request);
            self.change(|_| ());
            answer
        } else if request.path.starts_with("/api/v4/") {
            self.change(|state| match state.throttled(request) {
                Some(refusal) => refusal,
                None => router::answer(state, request),
            })
        } else if request.path == "/api/graphql" {
            graphql::answer(request)
        } else {
            error(404, serde_json::json!({ "error": "404 Not Found" }))
        };
        let now = self.change(|state| state.date.map(|skew| state.now() + skew));
        let answer = match now.map(|now| now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()) {
            Some(date) => answer.with("date", date),
            None => answer,
        };
        answer.with("x-request-id", format!("01STANDIN{number:017}"))
    }
}

/// A request as it was made, without tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub method: String,
    pub path: String,
    pub query: String,
    /// The header that carried a token, if one did.
    pub token_in: Option<String>,
    /// `If-None-Match`.
    pub known: Option<String>,
}

/// The running server; it ends with this value.
pub struct Gitlab {
    http: Loopback,
    world: Arc<World>,
    sender: Option<JoinHandle<()>>,
    _root: TempDir,
}

impl Gitlab {
    pub fn start() -> Self {
        let root = TempDir::new().expect("a folder");
        git::write_hooks(root.path());
        let (post, posts) = channel();
        let world = Arc::new(World {
            state: Mutex::new(State::new(String::new(), root.path().to_owned())),
            post: Mutex::new(post),
        });
        let shared = Arc::clone(&world);
        let http = Loopback::start(move |request| shared.answer(request));
        world.lock().base = http.url("");
        let sender = std::thread::spawn(move || {
            for post in posts {
                match post {
                    Post::Delivery(delivery) => send(&delivery),
                    Post::Settle(done) => drop(done.send(())),
                }
            }
        });
        Self {
            http,
            world,
            sender: Some(sender),
            _root: root,
        }
    }

    /// The server's address, with `path` behind it.
    pub fn url(&self, path: &str) -> String {
        self.http.url(path)
    }

    /// What `CI_API_V4_URL` holds.
    pub fn api(&self) -> String {
        self.http.url("/api/v4")
    }

    pub fn world(&self) -> &Arc<World> {
        &self.world
    }

    /// Looks at the state.
    pub fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.world.lock())
    }

    /// Changes the state, for what has no method of its own.
    pub fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        self.world.change(change)
    }

    /// Lets the next answer to a request that fits go wrong; see [`Loopback::fault`].
    pub fn fault(&self, part: &str, fault: Fault) {
        self.http.fault(part, fault);
    }

    /// Lets the answer to the request with this number go wrong; see [`Loopback::fault_at`].
    pub fn fault_at(&self, number: usize, fault: Fault) {
        self.http.fault_at(number, fault);
    }

    /// Waits until a request is kept waiting; see [`Loopback::keeps`].
    pub fn keeps(&self, patience: Duration) -> bool {
        self.http.keeps(patience)
    }

    /// Lets something happen between two requests of someone; see [`Loopback::after`].
    pub fn after(&self, part: &str, act: impl FnOnce() + Send + 'static) {
        self.http.after(part, act);
    }

    /// Lets the next one be refused for its number.
    pub fn too_many(&self, part: &str, shape: TooMany) {
        self.http.fault(part, Fault::Answer(shape.answer()));
    }

    /// Lets the next one fail with this status of 5xx.
    pub fn server_error(&self, part: &str, status: u16) {
        self.http.fault(part, server_error(status));
    }

    /// How many faults have not happened yet.
    pub fn pending(&self) -> usize {
        self.http.pending()
    }

    /// Takes back the faults that have not happened.
    pub fn heal(&self) {
        self.http.heal();
    }

    /// What every answer waits from now on.
    pub fn latency(&self, latency: Duration) {
        self.http.delay(latency);
    }

    /// Limits how many requests of a user are answered.
    pub fn throttle(&self, throttle: Throttle) {
        self.change(|state| state.throttle = Some(throttle));
    }

    /// Moves the clock.
    pub fn advance(&self, time: SignedDuration) {
        self.change(|state| state.advance(time));
    }

    pub fn clock(&self, clock: Clock) {
        self.change(|state| state.clock = clock);
    }

    /// Waits until all webhooks so far have been sent.
    pub fn settle(&self) {
        let (done, wait) = channel();
        let post = self.world.post.lock().expect("no panic").clone();
        let _ = post.send(Post::Settle(done));
        let _ = wait.recv();
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Seen> {
        self.http.seen().iter().map(seen).collect()
    }

    /// How many requests there have been whose line (`GET /path?query`) contains `part`.
    pub fn count(&self, part: &str) -> usize {
        let lines = self.requests().into_iter();
        let lines = lines.map(|it| format!("{} {}?{}", it.method, it.path, it.query));
        lines.filter(|line| line.contains(part)).count()
    }

    /// The token stops counting.
    pub fn revoke(&self, token: &str) {
        self.change(|state| {
            for known in state.tokens.iter_mut().filter(|known| known.value == token) {
                known.revoked = true;
            }
        });
    }

    /// The token has ended a second ago.
    pub fn expire(&self, token: &str) {
        self.change(|state| {
            let end = state.now() - SignedDuration::from_secs(1);
            for known in state.tokens.iter_mut().filter(|known| known.value == token) {
                known.expires_at = Some(end);
            }
        });
    }

    pub fn block(&self, user: Id) {
        self.change(|state| {
            state
                .users
                .get_mut(&user)
                .expect("the user is there")
                .active = false
        });
    }
}

impl Drop for Gitlab {
    fn drop(&mut self) {
        let (gone, _) = channel();
        *self.world.post.lock().expect("no panic") = gone;
        if let Some(sender) = self.sender.take() {
            let _ = sender.join();
        }
    }
}

fn seen(request: &Request) -> Seen {
    let headers = [
        "private-token",
        "job-token",
        "deploy-token",
        "authorization",
    ];
    let token_in = headers
        .into_iter()
        .find(|name| request.header(name).is_some());
    let secret = |name: &str| ["private_token", "job_token", "token"].contains(&name);
    let pairs = request
        .query
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((name, _)) if secret(name) => format!("{name}=REDACTED"),
            _ => pair.to_owned(),
        });
    Seen {
        method: request.method.clone(),
        path: request.path.clone(),
        query: pairs.collect::<Vec<_>>().join("&"),
        token_in: token_in.map(str::to_owned),
        known: request.header("if-none-match").map(str::to_owned),
    }
}

/// Sends one webhook; who does not listen has missed it.
fn send(delivery: &Delivery) {
    let client = reqwest::blocking::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(10))
        .build();
    let client = client.expect("a client");
    let uuid = |number: Id| format!("00000000-0000-4000-8000-{number:012}");
    let mut request = client
        .post(&delivery.url)
        .header("x-gitlab-event-uuid", uuid(delivery.number))
        .header("x-gitlab-webhook-uuid", uuid(delivery.hook))
        .header("idempotency-key", uuid(delivery.number))
        .header("webhook-id", uuid(delivery.number))
        .header(
            "webhook-timestamp",
            delivery.sent_at.as_second().to_string(),
        )
        .header("content-type", "application/json")
        .header("user-agent", "GitLab/19.3.0-ee")
        .header("x-gitlab-event", delivery.event)
        .body(delivery.body.to_string());
    if let Some(token) = &delivery.token {
        request = request.header("x-gitlab-token", token);
    }
    let _ = request.send();
}
