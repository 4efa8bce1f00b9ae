//! Beside gitlab-job-guard 0.0.4.3.
