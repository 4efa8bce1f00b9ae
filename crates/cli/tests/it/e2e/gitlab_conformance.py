"""Drives the stand-in GitLab with python-gitlab, and checks what a user of that library would rely on.

Run by `gitlab_conformance.rs`, which seeds `platform/tools` and gives address and tokens in the environment.
"""

import hashlib
import os
import unittest

import gitlab
from gitlab.exceptions import (
    GitlabAuthenticationError,
    GitlabCreateError,
    GitlabDeleteError,
    GitlabError,
    GitlabGetError,
    GitlabJobPlayError,
    GitlabJobRetryError,
    GitlabUpdateError,
)

URL = os.environ["GITLAB"]


def client(token):
    return gitlab.Gitlab(URL, private_token=os.environ[token], retry_transient_errors=False)


class Conformance(unittest.TestCase):
    def setUp(self):
        self.gl = client("MAINTAINER")
        self.project = self.gl.projects.get("platform/tools")

    def project_as(self, token):
        return client(token).projects.get("platform/tools")

    def refuses(self, code, kind, call, *arguments, **keywords):
        with self.assertRaises(kind) as caught:
            call(*arguments, **keywords)
        self.assertEqual(caught.exception.response_code, code, caught.exception)
        return caught.exception.error_message

    def fork(self):
        """The developer's fork, made by the first test that wants it."""
        dev = client("DEVELOPER")
        known = dev.projects.list(search="dev/tools", get_all=True)
        return dev.projects.get(known[0].id if known else dev.projects.get(self.project.id).forks.create({}).id)

    def feature(self, name):
        """A new branch of its own for a test, at the head of main."""
        return self.project.branches.create({"branch": name, "ref": "main"})


class Users(Conformance):
    def test_who_am_i(self):
        self.gl.auth()
        self.assertEqual(self.gl.user.username, "mia")

    def test_a_job_knows_itself(self):
        job = gitlab.Gitlab(URL, job_token=os.environ["JOB"]).http_get("/job")
        self.assertEqual((job["name"], job["status"], job["pipeline"]["id"]), ("deploy", "running", int(os.environ["RUNNING"])))

    def test_bad_tokens(self):
        wrong = gitlab.Gitlab(URL, private_token="glpat-wrong")
        self.refuses(401, GitlabAuthenticationError, wrong.auth)
        self.refuses(404, GitlabGetError, client("STRANGER").projects.get, "platform/tools")
        message = self.refuses(403, GitlabCreateError, self.project_as("READER").pipelines.create, {"ref": "main"})
        self.assertIn("insufficient_scope", str(message))

    def test_users_are_found_by_name(self):
        (user,) = self.gl.users.list(username="dev", get_all=True)
        member = self.project.members_all.get(user.id)
        self.assertEqual(member.access_level, gitlab.const.AccessLevel.DEVELOPER)
        owner = self.gl.users.list(username="mia", get_all=True)[0]
        self.assertEqual(self.project.members_all.get(owner.id).access_level, gitlab.const.AccessLevel.OWNER)
        self.refuses(404, GitlabGetError, self.project.members.get, owner.id)


class Projects(Conformance):
    def test_by_id_path_and_old_path(self):
        self.assertEqual(self.gl.projects.get(self.project.id).path_with_namespace, "platform/tools")
        new = self.gl.projects.get("platform/new")
        self.assertEqual(self.gl.projects.get("platform/old").id, new.id)
        self.refuses(404, GitlabGetError, self.gl.projects.get, "platform/none")

    def test_create_list_and_delete(self):
        made = self.gl.projects.create({"name": "scratch", "initialize_with_readme": True})
        self.assertEqual((made.path_with_namespace, made.default_branch, made.visibility), ("mia/scratch", "main", "private"))
        self.refuses(400, GitlabCreateError, self.gl.projects.create, {"name": "scratch"})
        self.assertIn(made.id, [it.id for it in self.gl.projects.list(search="scratch", get_all=True)])
        made.delete()
        self.refuses(404, GitlabGetError, self.gl.projects.get, made.id)

    def test_settings(self):
        self.project.ci_forward_deployment_rollback_allowed = False
        self.project.save()
        self.assertFalse(self.gl.projects.get(self.project.id).ci_forward_deployment_rollback_allowed)
        self.project.ci_forward_deployment_rollback_allowed = True
        self.project.save()
        other = self.project_as("DEVELOPER")
        other.ci_forward_deployment_rollback_allowed = False
        self.refuses(403, GitlabUpdateError, other.save)

    def test_group(self):
        group = self.gl.groups.get("platform")
        paths = [it.path_with_namespace for it in group.projects.list(order_by="id", sort="asc", iterator=True)]
        self.assertEqual(paths[:2], ["platform/tools", "platform/new"])

    def test_fork(self):
        fork = self.fork()
        self.assertEqual((fork.path_with_namespace, fork.forked_from_project["id"]), ("dev/tools", self.project.id))


class Pages(Conformance):
    @classmethod
    def setUpClass(cls):
        project = client("MAINTAINER").projects.get("platform/tools")
        for number in range(25):
            project.branches.create({"branch": f"page/{number:02}", "ref": "main"})

    def test_all_pages_are_followed(self):
        branches = self.project.branches.list(search="page/", per_page=10, get_all=True)
        self.assertEqual([it.name for it in branches], [f"page/{number:02}" for number in range(25)])

    def test_totals(self):
        found = self.project.branches.list(search="page/", per_page=10, iterator=True)
        self.assertEqual((found.total, found.total_pages, found.per_page, found.current_page, found.next_page), (25, 3, 10, 1, 2))
        self.assertEqual(len(list(found)), 25)
        last = self.project.branches.list(search="page/", per_page=10, page=3, get_all=False)
        self.assertEqual(len(last), 5)

    def test_keyset(self):
        ids = [it.id for it in self.gl.projects.list(pagination="keyset", order_by="id", sort="asc", per_page=1, iterator=True)]
        self.assertEqual(ids, sorted(set(ids)))
        self.assertGreaterEqual(len(ids), 2)
        jobs = [it.id for it in self.project.jobs.list(pagination="keyset", order_by="id", sort="desc", per_page=1, iterator=True)]
        self.assertEqual(jobs, sorted(set(jobs), reverse=True))


class Branches(Conformance):
    def test_life_of_a_branch(self):
        self.feature("life/one")
        branch = self.project.branches.get("life/one")
        self.assertEqual((branch.protected, branch.default, branch.merged), (False, False, True))
        self.assertEqual(branch.commit["id"], self.project.branches.get("main").commit["id"])
        self.assertIn("already exists", self.refuses(400, GitlabCreateError, self.feature, "life/one"))
        branch.delete()
        self.assertIn("Branch Not Found", self.refuses(404, GitlabGetError, self.project.branches.get, "life/one"))

    def test_commits(self):
        head = self.project.commits.get("main")
        self.assertEqual(head.id, self.project.commits.list(ref_name="main", get_all=False)[0].id)
        first = head.parent_ids[0]
        between = self.project.repository_compare(first, "main")
        self.assertEqual([it["id"] for it in between["commits"]], [head.id])
        self.assertEqual([it["new_path"] for it in between["diffs"]], [".gitlab-ci.yml"])
        self.assertEqual(self.project.repository_merge_base([first, "main"])["id"], first)
        self.assertIn({"type": "branch", "name": "main"}, head.refs("branch"))
        self.assertIn(b"script: make", self.project.files.raw(file_path=".gitlab-ci.yml", ref="main"))
        self.refuses(404, GitlabGetError, self.project.commits.get, "f" * 40)

    def test_protection(self):
        rule = self.project.protectedbranches.create({"name": "stable/*", "push_access_level": 40, "allow_force_push": False})
        self.assertEqual(rule.push_access_levels[0]["access_level"], 40)
        self.refuses(409, GitlabCreateError, self.project.protectedbranches.create, {"name": "stable/*"})
        self.refuses(403, GitlabCreateError, self.project_as("DEVELOPER").branches.create, {"branch": "stable/1", "ref": "main"})
        rule.allow_force_push = True
        rule.save()
        self.assertTrue(self.project.protectedbranches.get("stable/*").allow_force_push)
        rule.delete()
        self.refuses(404, GitlabGetError, self.project.protectedbranches.get, "stable/*")
        self.refuses(403, GitlabError, self.project_as("DEVELOPER").protectedbranches.list, get_all=True)


class Pipelines(Conformance):
    def test_create_list_and_cancel(self):
        variables = [{"key": "WHO", "value": "python"}, {"key": "N", "value": "2"}]
        made = self.project_as("DEVELOPER").pipelines.create({"ref": "work", "variables": variables})
        self.assertEqual((made.status, made.source, made.user["username"]), ("pending", "api", "dev"))
        self.assertEqual([(it.key, it.value) for it in made.variables.list(get_all=True)], [("WHO", "python"), ("N", "2")])
        by_filter = self.project.pipelines.list(ref="work", source="api", username="dev", status="pending", get_all=True)
        self.assertIn(made.id, [it.id for it in by_filter])
        build, ship = sorted(made.jobs.list(get_all=True), key=lambda job: job.id)
        self.assertEqual([(it.name, it.status) for it in (build, ship)], [("build", "pending"), ("ship", "created")])
        made.cancel()
        made.refresh()
        self.assertEqual(made.status, "canceled")
        made.cancel()
        made.retry()
        made.refresh()
        self.assertEqual(made.status, "pending")
        names = [job.name for job in made.jobs.list(include_retried=True, get_all=True)]
        self.assertEqual(names.count("build"), 2)
        self.refuses(403, GitlabDeleteError, made.delete)
        self.project.pipelines.delete(made.id)
        self.refuses(404, GitlabGetError, self.project.pipelines.get, made.id)

    def test_refusals(self):
        create = self.project_as("DEVELOPER").pipelines.create
        self.assertIn("Reference not found", str(self.refuses(400, GitlabCreateError, create, {"ref": "none"})))
        self.refuses(403, GitlabCreateError, self.project_as("REPORTER").pipelines.create, {"ref": "main"})
        # A developer may not start one on a branch that is the maintainers'.
        self.assertIn("permission", str(self.refuses(400, GitlabCreateError, create, {"ref": "main"})))
        self.refuses(400, GitlabError, self.project.pipelines.list, status="odd", get_all=True)

    def test_bridges_and_children(self):
        running = self.project.pipelines.get(int(os.environ["RUNNING"]))
        (bridge,) = running.bridges.list(get_all=True)
        child = bridge.downstream_pipeline["id"]
        self.assertNotIn(child, [it.id for it in self.project.pipelines.list(get_all=True)])
        self.assertEqual([it.id for it in self.project.pipelines.list(source="parent_pipeline", get_all=True)], [child])
        self.assertEqual(sorted(job.name for job in running.jobs.list(get_all=True)), ["compile", "deploy"])

    def test_trigger(self):
        made = self.project.trigger_pipeline("work", os.environ["JOB"], variables={"A": "1"})
        self.assertEqual((made.source, made.user["username"]), ("pipeline", "dev"))
        self.refuses(404, GitlabCreateError, self.project.trigger_pipeline, "work", "glptt-wrong")


class Jobs(Conformance):
    def test_logs_play_and_retry(self):
        running = self.project.pipelines.get(int(os.environ["RUNNING"]))
        compiled, deploying = (self.project.jobs.get(job.id) for job in sorted(running.jobs.list(get_all=True), key=lambda job: job.id))
        self.assertEqual((compiled.status, deploying.status), ("success", "running"))
        self.assertEqual(compiled.trace(), b"")
        self.assertIn("Unplayable", str(self.refuses(400, GitlabJobPlayError, compiled.play)))
        self.refuses(403, GitlabJobRetryError, deploying.retry)
        again = compiled.retry()
        self.assertNotEqual(again["id"], compiled.id)
        self.assertEqual(again["status"], "pending")
        reporter = self.project_as("REPORTER").jobs.get(again["id"])
        self.refuses(403, GitlabError, reporter.cancel)
        self.assertEqual(self.project.jobs.get(again["id"]).cancel()["status"], "canceled")

    def test_scope(self):
        names = {job.name for job in self.project.jobs.list(scope=["running"], get_all=True)}
        self.assertEqual(names, {"deploy"})

    def test_resource_groups(self):
        group = self.project.resource_groups.get("staging")
        self.assertEqual(group.process_mode, "unordered")
        group.process_mode = "oldest_first"
        group.save()
        self.assertEqual(self.project.resource_groups.get("staging").process_mode, "oldest_first")
        self.assertEqual(group.upcoming_jobs.list(get_all=True), [])
        self.assertEqual([it.key for it in self.project.resource_groups.list(get_all=True)], ["staging"])


class Deployments(Conformance):
    def test_life_of_a_deployment(self):
        sha = self.project.branches.get("main").commit["id"]
        data = {"environment": "production", "sha": sha, "ref": "main", "tag": False, "status": "running"}
        made = self.project.deployments.create(data)
        self.assertEqual((made.status, made.deployable, made.environment["name"]), ("running", None, "production"))
        made.status = "success"
        made.save()
        newest = self.project.deployments.list(environment="production", status="success", order_by="finished_at", sort="desc", get_all=True)
        self.assertEqual(newest[0].id, made.id)
        (environment,) = self.project.environments.list(name="production", get_all=True)
        self.assertEqual(self.project.environments.get(environment.id).last_deployment["sha"], sha)
        self.refuses(400, GitlabError, self.gl.http_delete, f"/projects/{self.project.id}/deployments/{made.id}")
        self.refuses(400, GitlabCreateError, self.project.deployments.create, {**data, "status": "odd"})
        self.refuses(403, GitlabCreateError, self.project_as("REPORTER").deployments.create, data)

    def test_those_of_jobs_are_not_changed(self):
        (deployment,) = self.project.deployments.list(environment="staging", get_all=True)
        self.assertEqual((deployment.status, deployment.deployable["name"]), ("running", "deploy"))
        deployment.status = "success"
        self.refuses(403, GitlabUpdateError, deployment.save)

    def test_a_job_deploys_with_its_token(self):
        project = gitlab.Gitlab(URL, job_token=os.environ["JOB"]).projects.get(self.project.id, lazy=True)
        sha = self.project.branches.get("main").commit["id"]
        made = project.deployments.create({"environment": "qa", "sha": sha, "ref": "main", "tag": False, "status": "success"})
        self.assertEqual((made.status, made.environment["tier"]), ("success", "testing"))
        self.refuses(404, GitlabCreateError, project.pipelines.create, {"ref": "main"})

    def test_environments(self):
        made = self.project.environments.create({"name": "review/x", "external_url": "http://127.0.0.1/x"})
        self.assertEqual((made.slug, made.tier), ("review-x", "development"))
        self.refuses(400, GitlabCreateError, self.project.environments.create, {"name": "review/x"})
        self.refuses(403, GitlabDeleteError, made.delete)
        made.stop()
        made.delete()


class MergeRequests(Conformance):
    def test_from_a_branch(self):
        self.feature("mr/one")
        made = self.project.mergerequests.create({"source_branch": "mr/one", "target_branch": "main", "title": "One", "labels": ["a", "b"]})
        self.assertEqual((made.state, made.labels, made.source_project_id), ("opened", ["a", "b"], self.project.id))
        again = {"source_branch": "mr/one", "target_branch": "main", "title": "Two"}
        self.refuses(409, GitlabCreateError, self.project.mergerequests.create, again)
        listed = self.project.mergerequests.list(state="opened", source_branch="mr/one", labels=["a"], get_all=True)
        self.assertEqual([it.iid for it in listed], [made.iid])
        self.assertEqual(self.project.mergerequests.list(author_username="dev", source_branch="mr/one", get_all=True), [])
        self.assertEqual(list(made.commits()), [])
        self.refuses(405, GitlabCreateError, made.pipelines.create)
        made.state_event = "close"
        made.save()
        self.assertEqual(self.project.mergerequests.get(made.iid).state, "closed")

    def test_from_a_fork(self):
        fork = self.fork()
        fork.branches.create({"branch": "evil", "ref": "main"})
        made = fork.mergerequests.create({"source_branch": "evil", "target_branch": "main", "title": "Evil", "target_project_id": self.project.id})
        self.assertEqual((made.source_project_id, made.target_project_id), (fork.id, self.project.id))
        seen = self.project.mergerequests.get(made.iid)
        self.assertEqual(seen.sha, fork.branches.get("evil").commit["id"])

    def test_notes(self):
        self.feature("mr/notes")
        made = self.project.mergerequests.create({"source_branch": "mr/notes", "target_branch": "main", "title": "Notes"})
        note = made.notes.create({"body": "hello"})
        theirs = self.project_as("REPORTER").mergerequests.get(made.iid).notes
        theirs.create({"body": "there"})
        self.assertEqual([it.body for it in made.notes.list(sort="asc", get_all=True)], ["hello", "there"])
        note.body = "hello again"
        note.save()
        self.assertEqual(made.notes.get(note.id).body, "hello again")
        foreign = theirs.get(note.id)
        foreign.body = "mine"
        self.refuses(403, GitlabUpdateError, foreign.save)
        self.refuses(403, GitlabDeleteError, foreign.delete)
        note.delete()
        self.refuses(404, GitlabGetError, made.notes.get, note.id)
        self.refuses(400, GitlabCreateError, made.notes.create, {"body": " "})


class Packages(Conformance):
    def test_life_of_a_package(self):
        data = b"wheel" * 1000
        self.project.generic_packages.upload(package_name="venv", package_version="1.0", file_name="a.tar.gz", data=data)
        got = self.project.generic_packages.download(package_name="venv", package_version="1.0", file_name="a.tar.gz")
        self.assertEqual(got, data)
        (package,) = self.project.packages.list(package_type="generic", package_name="venv", get_all=True)
        (file,) = package.package_files.list(get_all=True)
        self.assertEqual((file.size, file.file_sha256), (len(data), hashlib.sha256(data).hexdigest()))
        self.refuses(404, GitlabGetError, self.project.generic_packages.download, "venv", "1.0", "b")
        developer = self.project_as("DEVELOPER").packages.get(package.id)
        self.refuses(403, GitlabDeleteError, developer.delete)
        package.delete()
        self.assertEqual(self.project.packages.list(get_all=True), [])


class Rest(Conformance):
    def test_hooks(self):
        hook = self.project.hooks.create({"url": "http://127.0.0.1:9/x", "token": "hush", "note_events": True})
        self.assertEqual((hook.note_events, hook.push_events, hook.pipeline_events), (True, True, False))
        self.assertNotIn("token", hook.attributes)
        hook.delete()
        self.refuses(422, GitlabCreateError, self.project.hooks.create, {"url": "http://example.org/"})

    def test_statuses(self):
        commit = self.project.commits.get("main")
        commit.statuses.create({"state": "running", "name": "gate"})
        self.refuses(400, GitlabCreateError, commit.statuses.create, {"state": "running", "name": "gate"})
        commit.statuses.create({"state": "success", "name": "gate"})
        self.assertEqual([it.status for it in commit.statuses.list(name="gate", get_all=True)], ["success"])

    def test_releases_and_tags(self):
        made = self.project.releases.create({"tag_name": "v1", "ref": "main", "description": "first"})
        self.assertEqual(self.project.releases.get("v1").commit["id"], self.project.commits.get("main").id)
        self.refuses(409, GitlabCreateError, self.project.releases.create, {"tag_name": "v1", "description": "again"})
        self.assertEqual([it.name for it in self.project.tags.list(get_all=True)], ["v1"])
        self.project.releases.delete(made.tag_name)
        self.refuses(404, GitlabGetError, self.project.releases.get, "v1")

    def test_unknown_routes(self):
        self.refuses(404, GitlabError, self.gl.http_get, "/nothing/here")


if __name__ == "__main__":
    unittest.main()
