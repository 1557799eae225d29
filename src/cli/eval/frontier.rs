//! `fenzhen eval frontier`.

use super::reader::Reader;
use super::{Output, predict};
use clap::Args;
use fenzhen::eval::bootstrap::Bootstrap;
use fenzhen::eval::dataset::LabelledSet;
use fenzhen::eval::frontier::{FrontierModel, PARTS, frontier};
use fenzhen::eval::{Options, intent, report};
use fenzhen::model::{Bundle, IntentBundles};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(crate) struct FrontierArgs {
    /// Rows {"text","intent",…} as JSON lines, CSV or TSV.
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// A bundle, or FAST+ACCURATE for a cascade; several are compared.
    #[arg(long, value_name = "DIR", required = true)]
    bundle: Vec<String>,
    #[command(flatten)]
    output: Output,
}

pub(super) fn run(args: &FrontierArgs) -> anyhow::Result<ExitCode> {
    let config = args.output.settings.load()?;
    let set = LabelledSet::load(&args.data, "intent", &[])?;
    let mut models = Vec::with_capacity(args.bundle.len());
    for folders in &args.bundle {
        let bundles = IntentBundles::named(folders, config.model.cascade_below)?;
        let mut reader = Reader::of_intents(&config, &bundles)?;
        let options = Options {
            // The parts have Wilson's intervals; nothing here needs resampling.
            bootstrap: Bootstrap { resamples: 1, ..args.output.options().bootstrap },
            model: Some(reader.id().to_owned()),
            cascade_below: bundles.accurate.is_some().then_some(bundles.below),
            slices: PARTS.map(str::to_owned).to_vec(),
            ..Options::default()
        };
        let measured = intent::evaluate(&set, |texts| predict(&mut reader, None, texts), &options)?;
        let size_bytes = bundles.bundles().map(Bundle::model_bytes).sum();
        models.push(FrontierModel::new(&measured, size_bytes));
    }
    let report = frontier(set.info, models);
    args.output.print(&report, &report::frontier(&report))?;
    Ok(ExitCode::SUCCESS)
}
