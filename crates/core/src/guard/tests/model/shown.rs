//! What the small GitLab shows of a pipeline and its family, as the real one does, and what the guard's rules make of it.

use serde_json::json;

use super::families::Search;
use super::world::{CHILD, Guard, Pipe, Run, State, Without, World, moment};
use crate::guard::job_state::{Scope, Work};
use crate::guard::queue::{Entry, Place, Since};
use crate::guard::turn::{Family, Member};
use pannier_clients::gitlab::{Job, Pipeline, RunStatus, Standing};

impl Search {
    /// What GitLab shows of a pipeline and its family, and what that means.
    pub(super) fn seen(&self, world: &World, at: usize, now: u8) -> (Place, Work) {
        let kin = World::family(at)
            .iter()
            .filter(|it| world.pipes[**it].is_born());
        let mut pipes: Vec<Pipe> = kin.map(|it| world.pipes[*it].clone()).collect();
        pipes.iter_mut().for_each(|pipe| pipe.guard = Guard::Away);
        let key = (pipes, at, now);
        if let Some(known) = self.memory.borrow().get(&key) {
            return *known;
        }
        let members: Vec<Member> = key.0.iter().map(|pipe| self.member(world, pipe)).collect();
        let number = u64::from(world.pipes[at].number);
        let this = members
            .iter()
            .find(|it| it.pipeline.id == number)
            .unwrap()
            .clone();
        let work = match self.rules.scope {
            Scope::Pipeline => Work::Begun,
            _ => self.rules.scope.work(&this.jobs, &this.triggers, None),
        };
        let family = match self.rules.without {
            Without::Families => Family::new(vec![this.clone()]),
            _ => Family::new(members),
        };
        let (scope, entry, now) = (&self.rules.scope, Entry::Created, moment(now));
        let since = match family.since(scope, entry, now) {
            Since::NotYet => family.since(&Scope::Pipeline, entry, now),
            since => since,
        };
        let place = Place {
            since: match self.rules.without {
                Without::NewRanks => Since::Known(world.least(at).since),
                _ => since,
            },
            rests: self.rules.without != Without::Rests && family.rests(&this, now),
        };
        self.memory.borrow_mut().insert(key, (place, work));
        (place, work)
    }

    fn member(&self, world: &World, pipe: &Pipe) -> Member {
        let time = |tick: u8| (tick != 0).then(|| moment(tick));
        let status = |state: State| match state {
            State::Created => RunStatus::Created,
            State::Manual => RunStatus::Manual,
            State::Pending => RunStatus::Pending,
            State::Running if self.rules.unheard => RunStatus::Other("melting".to_owned()),
            State::Running => RunStatus::Running,
            State::Success => RunStatus::Success,
            State::Failed => RunStatus::Failed,
            State::Skipped => RunStatus::Skipped,
        };
        let job = |name: &str, id: usize, run: &Run| Job {
            id: u64::from(pipe.number) * 100 + id as u64,
            name: name.to_owned(),
            stage: name.to_owned(),
            status: status(run.state),
            created_at: moment(run.made),
            // A runner takes it later, but how long it waited is known then.
            started_at: time(run.queued).filter(|_| run.state != State::Pending),
            finished_at: time(run.over),
            queued_duration: Some(0.0),
            user: None,
            downstream_pipeline: None,
        };
        let mut jobs: Vec<Job> = Vec::new();
        jobs.extend(pipe.beside.iter().map(|run| job("docs", 0, run)));
        let deploys = pipe.deploy.iter().enumerate();
        jobs.extend(deploys.map(|(id, run)| job("deploy", id + 1, run)));
        let child = &world.pipes[CHILD];
        let triggers = pipe.trigger.iter().map(|run| {
            let made = child
                .is_born()
                .then(|| json!({ "id": child.number, "created_at": moment(child.made) }));
            Job {
                downstream_pipeline: made.map(|made| serde_json::from_value(made).unwrap()),
                ..job("trigger", 50, run)
            }
        });
        let triggers = triggers.collect();
        let pipeline = Pipeline {
            id: pipe.number.into(),
            project_id: None,
            status: status(pipe.status()),
            source: String::new(),
            reference: String::new(),
            sha: String::new(),
            web_url: String::new(),
            created_at: moment(pipe.made),
            updated_at: moment(pipe.made),
            started_at: time(pipe.made),
            finished_at: time(pipe.over),
            user: None,
        };
        assert_eq!(
            pipe.is_alive(),
            pipeline.status.standing() == Standing::Alive
        );
        Member {
            pipeline,
            jobs,
            triggers,
        }
    }
}
