//! Tests of the files that `make dist` ships with the program: a systemd unit and a container file.

const UNIT: &str = include_str!("../../.tools/package/latchkey.service");
const CONTAINER: &str = include_str!("../../.tools/package/Containerfile");
const DIST: &str = include_str!("../../.tools/dist");
const README: &str = include_str!("../../README.md");

/// The values of a setting of the unit's section.
fn values<'a>(section: &str, name: &str) -> Vec<&'a str> {
    let mut here = "";
    let mut values = Vec::new();
    for line in UNIT.lines() {
        if line.starts_with('[') {
            here = line;
        } else if let Some((key, value)) = line.split_once('=')
            && here == format!("[{section}]")
            && key == name
        {
            values.push(value);
        }
    }
    values
}

#[test]
fn the_unit_restarts_the_server() {
    assert_eq!(values("Unit", "StartLimitIntervalSec"), ["0"], "no number of failed starts is the last one");
    assert_eq!(values("Service", "Restart"), ["on-failure"]);
    assert_eq!(values("Service", "RestartSec"), ["5s"]);
}

#[test]
fn the_unit_reads_secrets_that_only_root_can_read() {
    assert_eq!(values("Service", "DynamicUser"), ["yes"]);
    // The dash makes the file optional, because a server without secrets has none.
    assert_eq!(values("Service", "EnvironmentFile"), ["-/etc/latchkey/secrets.env"]);
    assert!(README.contains("/etc/latchkey/secrets.env") && README.contains("chmod 600"), "README says how");
}

#[test]
fn the_container_has_root_certificates_and_pg_dump() {
    let installs: Vec<&str> = CONTAINER.lines().filter(|line| line.contains("apt-get install")).collect();
    assert!(installs.iter().any(|line| line.contains("ca-certificates")), "{CONTAINER}");
    assert!(installs.iter().any(|line| line.contains("postgresql-client")), "{CONTAINER}");
    assert!(installs.iter().all(|line| line.contains("--no-install-recommends")), "{CONTAINER}");
    // The build fails if a shared library is missing.
    assert!(CONTAINER.contains("pg_dump --version"), "{CONTAINER}");
    let user = CONTAINER.find("\nUSER latchkey").expect("an unprivileged user");
    assert!(CONTAINER.rfind("\nRUN").is_some_and(|run| run < user), "nothing is installed by that user");
}

#[test]
fn dist_hands_out_the_whole_folder() {
    assert!(DIST.contains("install -m 0644 .tools/package/* dist/"));
}
