//! The emulator as a program: options in, one line with the URL out, gone on SIGTERM.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use lexopt::prelude::*;
use serde_json::json;
use splitio_emulator::{Emulator, Options, Settings, Tls, with_causes};

const USAGE: &str = "\
usage: splitio-emulator [options]

A local stand-in for the Split (Harness FME) backend.

  --file FILE          flags, JSON localhost format; followed while it changes
  --segments DIR       segments, one NAME.json each; followed too
  --address ADDRESS    address to listen on (127.0.0.1)
  --port PORT          port to listen on; 0 for a free one (8080)
  --tls-cert FILE      serve https with this certificate chain (PEM)
  --tls-key FILE       ... and this key (PEM)
  --key KEY            an accepted SDK key, may be repeated; none: all are
  --client-key KEY     a client-side SDK key, may be repeated
  --streaming          offer streaming
  --payload KIND       what notifications carry: none, plain, gzip, zlib (none)
  --keepalive SECONDS  between keepalive comments, 0 for none (20)
  --page-size N        most definitions in one answer
  --stale N            after an edit, N requests still see the old state
  --max-url BYTES      longer URLs answer 414 (8192)
  --max-spec VERSION   newest specification spoken: 1.0, 1.1, 1.2, 1.3 (1.3)
  --no-record          keep sums of requests only
  --set NAME=JSON      any other setting, as in POST /control/options
  -h, --help           this text
  -V, --version        the version

When ready it prints \"listening on URL\". SIGTERM and SIGINT end it.
";

fn main() -> ExitCode {
    let options = match parse() {
        Ok(Some(options)) => options,
        Ok(None) => return ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("splitio-emulator: {error}");
            return ExitCode::from(2);
        }
    };
    match run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("splitio-emulator: {}", with_causes(&*error));
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Signals are caught before the line is printed, for whoever sends one right after it.
    let ended = runtime.block_on(async { end() })?;
    let emulator = Emulator::start(options)?;
    let mut out = std::io::stdout();
    writeln!(out, "listening on {}", emulator.url())?;
    out.flush()?;
    runtime.block_on(ended);
    Ok(())
}

#[cfg(unix)]
fn end() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn end() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async {
        // Without a handler the signal ends the process anyway.
        let _ = tokio::signal::ctrl_c().await;
    })
}

/// `None` when only a text was wanted, which has been printed.
fn parse() -> Result<Option<Options>, Box<dyn std::error::Error>> {
    let mut options = Options::default();
    let mut settings = Settings::default();
    let (mut address, mut port): (IpAddr, u16) = (options.address.ip(), 8080);
    let (mut certificates, mut key): (Option<PathBuf>, Option<PathBuf>) = (None, None);
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("file") => options.file = Some(arguments.value()?.into()),
            Long("segments") => options.segments = Some(arguments.value()?.into()),
            Long("address") => address = arguments.value()?.parse()?,
            Long("port") => port = arguments.value()?.parse()?,
            Long("tls-cert") => certificates = Some(arguments.value()?.into()),
            Long("tls-key") => key = Some(arguments.value()?.into()),
            Long("key") => settings.keys.push(arguments.value()?.string()?),
            Long("client-key") => settings.client_keys.push(arguments.value()?.string()?),
            Long("streaming") => settings.streaming = true,
            Long("payload") => settings = settings.merged(&json!({"payload": arguments.value()?.string()?}))?,
            Long("keepalive") => settings.keepalive_ms = (arguments.value()?.parse::<f64>()? * 1000.0) as u64,
            Long("page-size") => settings.page_size = Some(arguments.value()?.parse()?),
            Long("stale") => settings.stale = arguments.value()?.parse()?,
            Long("max-url") => settings.max_url = arguments.value()?.parse()?,
            Long("max-spec") => settings = settings.merged(&json!({"max_spec": arguments.value()?.string()?}))?,
            Long("no-record") => settings.record = false,
            Long("set") => {
                let pair = arguments.value()?.string()?;
                let (name, value) = pair.split_once('=').ok_or("--set takes NAME=JSON")?;
                let value: serde_json::Value = serde_json::from_str(value)?;
                settings = settings.merged(&json!({name: value}))?;
            }
            Short('h') | Long("help") => {
                print!("{USAGE}");
                return Ok(None);
            }
            Short('V') | Long("version") => {
                println!("splitio-emulator {}", env!("CARGO_PKG_VERSION"));
                return Ok(None);
            }
            other => return Err(other.unexpected().into()),
        }
    }
    options.address = SocketAddr::new(address, port);
    options.settings = settings;
    options.tls = match (certificates, key) {
        (Some(certificates), Some(key)) => Some(Tls { certificates, key }),
        (None, None) => None,
        _ => return Err("--tls-cert and --tls-key go together".into()),
    };
    Ok(Some(options))
}
