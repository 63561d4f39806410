//! Files and directories that are the process' own: made for its user alone, and never reached by
//! way of a link that another user has planted.
//!
//! A state directory holds what a configuration says and who is banned; a log holds what attackers
//! sent. Who may write there can lift bans, and who may plant a link there has the process
//! overwrite any file that it may write to.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::Path,
};

/// How files are opened for writing: made with mode 0600, and never through a link.
#[must_use]
pub fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        let no_link = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or_default();
        options.mode(0o600).custom_flags(no_link);
    }
    options
}

/// Makes a file, or empties the one that is there.
///
/// # Errors
/// Of the disk, or that a link stands there.
pub fn create(path: &Path) -> io::Result<File> {
    options()
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)
        .map_err(|error| named(error, path))
}

/// Opens a file to write at its end. One that is there may be open to those who collect it, and is
/// this user's or the administrator's: in a directory that others may write to, another user could
/// have put one there to read what is written.
///
/// # Errors
/// As [`create`], or what is wrong with the file, and the remedy.
pub fn append(path: &Path) -> io::Result<File> {
    let mut options = options();
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // nor is a pipe waited for that nothing reads
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.custom_flags(i32::try_from(flags.bits()).unwrap_or_default());
    }
    let file = options
        .create(true)
        .append(true)
        .open(path)
        .map_err(|error| named(error, path))?;
    #[cfg(unix)]
    check_file(path, &file)?;
    Ok(file)
}

#[cfg(unix)]
fn check_file(path: &Path, file: &File) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let file = file.metadata()?;
    let problem = if !file.is_file() {
        "no ordinary file".to_owned()
    } else if !is_trusted(file.uid()) {
        format!("the file of the user {}, who could read and change it", file.uid())
    } else if file.nlink() > 1 {
        "a file that has another name as well".to_owned()
    } else if file.mode() & 0o002 != 0 {
        format!(
            "every user may write to it (mode {:o}): chmod o-w",
            file.mode() & 0o7777
        )
    } else {
        return Ok(());
    };
    let text = format!("{}: {problem}; remove it, or name another", path.display());
    Err(io::Error::new(io::ErrorKind::PermissionDenied, text))
}

/// Whether this is the user of the process, or the administrator.
#[cfg(unix)]
fn is_trusted(owner: u32) -> bool {
    owner == rustix::process::geteuid().as_raw() || owner == 0
}

/// Takes from others what an older release, or a lax umask, has let them read.
fn close_to_others(file: &File) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let is_open = file.metadata().is_ok_and(|file| file.permissions().mode() & 0o077 != 0);
        if is_open {
            // a file of another user's stays as it is: its directory was looked at
            file.set_permissions(fs::Permissions::from_mode(0o600))
                .unwrap_or_default();
        }
    }
    #[cfg(not(unix))]
    let _ = file;
}

/// Makes a directory with mode 0700 where there is none, and looks whether only this user, or the
/// administrator, can change what is in it.
///
/// # Errors
/// What is wrong with it, and the remedy.
pub fn directory(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    #[cfg(unix)]
    check(path)?;
    Ok(())
}

/// A directory of Kubernetes' is the administrator's, and writable for a group of the process' own
/// (`fsGroup`).
#[cfg(unix)]
fn check(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let refused = |problem: String| {
        let text = format!("{}: {problem}; name a directory of its own", path.display());
        Err(io::Error::new(io::ErrorKind::PermissionDenied, text))
    };
    let link = fs::symlink_metadata(path)?;
    if link.is_symlink() && !is_trusted(link.uid()) {
        return refused(format!("a link of the user {}", link.uid()));
    }
    let directory = fs::metadata(path)?;
    let (owner, mode) = (directory.uid(), directory.mode() & 0o7777);
    if !directory.is_dir() {
        return refused("not a directory".to_owned());
    }
    if !is_trusted(owner) {
        return refused(format!(
            "the directory of the user {owner}, who could change what is in it"
        ));
    }
    if mode & 0o002 != 0 {
        return refused(format!("every user may write to it (mode {mode:o}): chmod o-w"));
    }
    if mode & 0o020 != 0 && !is_own_group(directory.gid()) {
        return refused(format!(
            "the group {} may write to it (mode {mode:o}): chmod g-w",
            directory.gid()
        ));
    }
    Ok(())
}

#[cfg(unix)]
fn is_own_group(group: u32) -> bool {
    let others = rustix::process::getgroups().unwrap_or_default();
    let own = [rustix::process::getgid(), rustix::process::getegid()];
    own.into_iter().chain(others).any(|own| own.as_raw() == group)
}

/// The error of a file that is a link says so: `too many levels of symbolic links` says nothing of
/// one.
fn named(error: io::Error, path: &Path) -> io::Error {
    if fs::symlink_metadata(path).is_ok_and(|file| file.is_symlink()) {
        let text = format!("{} is a link, which is not followed; remove it", path.display());
        return io::Error::new(io::ErrorKind::PermissionDenied, text);
    }
    error
}

/// Opens a file as these [options] say, and takes it from others.
///
/// # Errors
/// As [`create`].
pub fn open(options: &OpenOptions, path: &Path) -> io::Result<File> {
    let file = options.open(path).map_err(|error| named(error, path))?;
    close_to_others(&file);
    Ok(file)
}

#[cfg(all(test, unix))]
#[expect(clippy::unwrap_used, reason = "a test may fail by a panic, in its helpers too")]
mod tests {
    use std::{
        io::Write as _,
        os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink},
    };

    use super::*;

    /// A user that does not exist.
    const STRANGER: u32 = 54_321;

    fn is_root() -> bool {
        let is_root = rustix::process::geteuid().is_root();
        if !is_root {
            writeln!(
                io::stderr(),
                "skipped in part: only the administrator can give files to others"
            )
            .unwrap_or_default();
        }
        is_root
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    fn refused(path: &Path) -> String {
        directory(path).unwrap_err().to_string()
    }

    #[test]
    fn what_is_made_is_for_this_user_alone() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a/b");
        directory(&path).unwrap();
        directory(&path).unwrap();
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o700, 0o700));
        let file = path.join("x");
        create(&file).unwrap();
        assert_eq!(mode(&file), 0o600);
    }

    #[test]
    fn a_file_that_others_could_read_is_closed_to_them() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("x");
        fs::write(&path, "x").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        open(options().read(true).write(true), &path).unwrap();
        assert_eq!(mode(&path), 0o600);
    }

    #[test]
    fn a_directory_that_others_may_change_is_refused_with_the_remedy() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("state");
        directory(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(refused(&path).contains("every user may write to it (mode 777): chmod o-w"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o770)).unwrap();
        directory(&path).unwrap();
        if is_root() {
            chown(&path, None, Some(STRANGER)).unwrap();
            assert!(refused(&path).contains("the group 54321 may write to it"));
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
            directory(&path).unwrap();
            chown(&path, Some(STRANGER), None).unwrap();
            assert!(refused(&path).contains("the directory of the user 54321"));
        }
    }

    #[test]
    fn links_of_others_are_not_followed() {
        let home = tempfile::tempdir().unwrap();
        let (victim, link) = (home.path().join("victim"), home.path().join("link"));
        fs::write(&victim, "precious").unwrap();
        symlink(&victim, &link).unwrap();
        for error in [create(&link), append(&link), open(options().write(true), &link)] {
            let error = error.unwrap_err().to_string();
            assert!(error.contains("is a link, which is not followed"), "{error}");
        }
        assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
        let (real, away) = (home.path().join("real"), home.path().join("away"));
        directory(&real).unwrap();
        symlink(&real, &away).unwrap();
        directory(&away).unwrap();
        if is_root() {
            lchown(&away, Some(STRANGER), None).unwrap();
            assert!(refused(&away).contains("a link of the user 54321"));
        }
    }

    #[test]
    fn a_log_is_written_into_no_file_that_another_could_have_planted() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        drop(append(&at("log")).unwrap());
        assert_eq!(fs::metadata(at("log")).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(at("log"), fs::Permissions::from_mode(0o644)).unwrap();
        drop(append(&at("log")).unwrap());
        let refused = |name: &str| append(&at(name)).unwrap_err().to_string();
        fs::set_permissions(at("log"), fs::Permissions::from_mode(0o666)).unwrap();
        assert!(refused("log").contains("chmod o-w"));
        fs::set_permissions(at("log"), fs::Permissions::from_mode(0o600)).unwrap();
        fs::hard_link(at("log"), at("other")).unwrap();
        assert!(refused("other").contains("another name as well"));
        let made = std::process::Command::new("mkfifo").arg(at("pipe")).status().unwrap();
        assert!(made.success());
        append(&at("pipe")).unwrap_err();
    }
}
