//! `fenzhen serve`.

use clap::Args;
use fenzhen::app::App;
use fenzhen::config::Config;
use fenzhen::{http, telemetry};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Settings over the defaults; environment variables FENZHEN_SECTION__NAME go over both.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address and port; anything but loopback needs `http.api_keys`.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Folder for everything the service writes.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

pub(crate) fn run(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    let mut config = Config::layered(args.config.as_deref())?;
    if let Some(listen) = args.listen {
        config.http.listen = listen;
    }
    if let Some(data_dir) = &args.data_dir {
        config.data_dir.clone_from(data_dir);
    }
    config.validate()?;
    telemetry::init_logs(&config.log).map_err(anyhow::Error::msg)?;
    telemetry::hide_panic_messages();
    telemetry::metrics()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async { http::serve(App::build(config).await?).await })?;
    Ok(ExitCode::SUCCESS)
}
