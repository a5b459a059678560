//! Every command that the README shows is run, in its order, in a folder like the checkout.

use std::process::Command;

use crate::common::Folder;

fn shown_commands() -> Vec<String> {
    let readme =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md")).unwrap();
    let mut is_shell = false;
    let mut commands = Vec::new();
    for line in readme.lines() {
        if line.starts_with("```") {
            is_shell = line == "```sh";
        } else if is_shell && !line.trim().is_empty() {
            commands.push(line.to_owned());
        }
    }
    commands
}

#[cfg(unix)]
#[test]
fn every_command_in_the_readme_works() {
    let folder = Folder::new();
    let checkout = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    std::os::unix::fs::symlink(format!("{checkout}/fixtures"), folder.path("fixtures")).unwrap();
    // Builds the worker beside the command; both are then found on the search path.
    let beside = folder.worker("--version");
    let programs = std::path::Path::new(beside.get_program()).parent().unwrap().to_owned();
    let search_path =
        format!("{}:{}", programs.display(), std::env::var_os("PATH").unwrap().display());

    let (ops, commands): (Vec<_>, Vec<_>) =
        shown_commands().into_iter().partition(|command| command.starts_with("./ops/"));
    assert!(ops.iter().any(|command| command.starts_with("./ops/demo")), "{ops:?}");
    assert!(commands.len() >= 10, "{commands:?}");
    for command in commands {
        let output = Command::new("sh")
            .args(["-c", &command])
            .current_dir(folder.path("."))
            .env("PATH", &search_path)
            .output()
            .unwrap();
        assert!(output.status.success(), "{command}\n{}", String::from_utf8_lossy(&output.stderr));
    }
}
