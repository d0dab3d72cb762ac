//! What users of their own directories have there, and what they do.

/// The directory of a user below `/srv/homes`.
pub fn home(name: &str, owner: u32) -> Vec<(String, u32, u32, &'static str)> {
    [
        ("", 0o755, ""),
        ("file", 0o644, "content"),
        (".hidden", 0o644, "."),
        ("pub/", 0o755, ""),
        ("pub/tool", 0o644, "a tool"),
        ("locked/", 0o755, ""),
        ("locked/kept", 0o644, "kept"),
    ]
    .into_iter()
    .map(|(path, mode, text)| (format!("homes/{name}/{path}"), mode, owner, text))
    .collect()
}

/// All that users do in their directories, with what nobody may do.
pub const AT_HOME: &str = "
    PWD
    list
    list pub
    names pub
    get file
    get@3 file
    SIZE file
    MDTM file
    SIZE pub
    put new text
    put file changed
    add file more
    add fresh text
    put@2 file XY
    get@0 file
    put pub/tool other
    MKD folder
    MKD folder/deep
    put folder/inside text
    RMD folder
    CWD folder
    PWD
    CDUP
    PWD
    CWD ..
    PWD
    put ../../outside text
    names /../..
    RNFR new
    RNTO folder/new
    RNFR folder/deep
    RNTO deep
    RNFR nothing
    RNFR fresh
    RNTO file
    DELE folder/new
    DELE nothing
    DELE deep
    RMD deep
    SITE CHMOD 600 file
    SITE CHMOD 711 folder
    put .dotfile text
    DELE .dotfile
    get .hidden
    put .hidden text
    RNFR .hidden
    RNTO shown
    get /etc/passwd
    CWD /nowhere
    CWD file
    RETR pub
    list locked
    put locked/new text
    get locked/kept
    add locked/kept more
    put locked/kept other
    DELE locked/kept
    MKD locked/folder
    RNFR locked/kept
    RNTO kept
    RNFR file
    RNTO locked/file
";

/// What anonymous clients begin with, where there is a directory for uploads.
pub const ANONYMOUS: &str = "
    login anonymous me
    PWD
    list
    get readme
    put new text
    MKD new
    DELE readme
    CWD incoming
    list
    get old
    put new text
    put new other
";
