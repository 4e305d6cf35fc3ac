//! The command `tokenway`: log in once, and any program on this machine gets a valid access token.

mod args;
mod commands;
mod demo;
mod exit;
mod output;
mod passphrase;
mod settings;
mod stores;
mod terminal;
mod text;
mod timeline;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};
use exit::Stopped;
use output::Output;

fn main() -> ExitCode {
    let command = Cli::parse().command;
    let output = Output::of(&command);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return output.stopped(&Stopped::new(exit::Code::Other, format!("no runtime: {error}"))),
    };
    let end = runtime.block_on(run(command));
    // A thread that waits for a line on stdin must not hold the process.
    runtime.shutdown_background();
    match end {
        Ok(answer) => output.answer(&answer),
        Err(stopped) => output.stopped(&stopped),
    }
}

async fn run(command: Command) -> Result<output::Answer, Stopped> {
    match command {
        Command::Demo(args) => demo::run(&args).await,
        Command::Import(args) => commands::import::run(&args).await,
        Command::Lease(args) => commands::lease::run(&args).await,
        Command::List(args) => commands::list::run(&args).await,
        Command::Login(args) => commands::login::run(args).await,
        Command::Logout(args) => commands::logout::run(&args).await,
        Command::Providers(args) => commands::providers::run(&args),
        Command::Replay(args) => commands::replay::run(&args),
        Command::Status(args) => commands::status::run(&args).await,
        Command::Store(args) => commands::store::run(&args).await,
        Command::Token(args) => commands::token::run(&args).await,
    }
}
