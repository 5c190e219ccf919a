//! clone, exec, exit: the calls by which cages come and go.

use crate::call::{Raw, calls};
use crate::exec;

calls! {
    #[wait] 56 clone(args: Struct) |c| exec::clone(c, args).map(Raw);
    #[wait] 59 execve(path: Path, _argv: Struct, _envp: Struct) |c| exec::execve(c, path).map(Raw);
    #[wait] 60 exit(_status: Int) |c| Ok(Raw(exec::exit(c)));
    #[wait] 231 exit_group(_status: Int) |c| Ok(Raw(exec::exit_group(c)));
}
