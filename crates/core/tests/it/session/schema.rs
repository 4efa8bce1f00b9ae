//! The page with the schemas of the reports is that of the types. `PANNIER_BLESS=1 cargo test -p pannier-core schema` writes it.

use std::path::Path;

use pannier_core::gate;
use pannier_core::session::{
    DeployReport, DiffReport, LintReport, ListReport, LockReport, PrepareReport, RaiseReport,
    ResolvedOverride, ShowReport, TransferReport, WriteReport,
};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;

/// What `--format json` prints, by command.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
#[allow(dead_code, reason = "only its schema is used")]
struct Reports {
    lock: LockReport,
    prepare: PrepareReport,
    gate: gate::Report,
    override_resolve: Vec<ResolvedOverride>,
    constraints_lint: LintReport,
    constraints_update: RaiseReport,
    deploy: DeployReport,
    rollback: DeployReport,
    release_record: WriteReport,
    release_promote: WriteReport,
    release_publish: TransferReport,
    release_fetch: TransferReport,
    release_list: ListReport,
    release_show: ShowReport,
    release_diff: DiffReport,
}

#[test]
fn the_schema_of_the_reports_is_that_of_the_types() {
    let generator = SchemaSettings::draft2020_12().for_serialize();
    let schema = generator.into_generator().into_root_schema_for::<Reports>();
    let generated = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reports.schema.json");
    if std::env::var_os("PANNIER_BLESS").is_some() {
        std::fs::write(&file, &generated).unwrap();
    }
    let there = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        there == generated,
        "docs/reports.schema.json is not what the types say; run `PANNIER_BLESS=1 cargo test -p pannier-core schema`"
    );
}
