//! Prints a screenplay of any format as Final Draft XML.

use std::{env, error::Error, io::Write as _, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args_os().nth(1).ok_or("usage: to_fdx SCREENPLAY > SCREENPLAY.fdx")?;
    let script = screenplay::read_path(Path::new(&path))?;
    std::io::stdout().write_all(screenplay::print_fdx(&script).as_bytes())?;
    Ok(())
}
