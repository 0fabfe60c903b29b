//! The configuration of each client. Each is a file that is valid as it is; the page replaces the address of the server.

/// A client and how it logs in.
#[derive(Debug)]
pub struct ClientSetup {
    pub client: &'static str,
    pub way: &'static str,
    /// The instruction above the text, such as where to paste it.
    pub about: &'static str,
    /// The file that the text belongs into, or where to run it.
    pub place: &'static str,
    pub file: &'static str,
    pub hint: &'static str,
}

/// The clients: the value of the parameter `client`, an abbreviation and the name.
pub const CLIENTS: [(&str, &str, &str); 6] = [
    ("desktop", "CD", "Claude Desktop"),
    ("code", "CC", "Claude Code"),
    ("cursor", "Cu", "Cursor"),
    ("vscode", "VS", "VS Code"),
    ("codex", "Cx", "Codex"),
    ("other", "…", "Other"),
];
pub const BROWSER: &str = "browser";
pub const KEY: &str = "key";

const ADDRESS: &str = "http://127.0.0.1:3000";
const DESKTOP_FILE: &str = "~/Library/Application Support/Claude/claude_desktop_config.json";
const DESKTOP_HINT: &str = "On Windows the file is in %APPDATA%\\Claude. mcp-remote takes a server without https only on this machine.";
const CODE_HINT: &str = "Add --scope user to have it in every project.";
const OTHER_HINT: &str = "For clients that speak revision 2025-06-18 or newer.";

pub const SETUPS: [ClientSetup; 12] = [
    ClientSetup {
        client: "desktop",
        way: BROWSER,
        about: "Add this to the file, then restart Claude Desktop.",
        place: DESKTOP_FILE,
        file: include_str!("../../snippets/desktop-browser.json"),
        hint: DESKTOP_HINT,
    },
    ClientSetup {
        client: "desktop",
        way: KEY,
        about: "Add this to the file, then restart Claude Desktop.",
        place: DESKTOP_FILE,
        file: include_str!("../../snippets/desktop-key.json"),
        hint: DESKTOP_HINT,
    },
    ClientSetup {
        client: "code",
        way: BROWSER,
        about: "Run this in a terminal. Then type /mcp in Claude Code and choose Authenticate.",
        place: "Terminal",
        file: include_str!("../../snippets/code-browser.sh"),
        hint: CODE_HINT,
    },
    ClientSetup {
        client: "code",
        way: KEY,
        about: "Run this in a terminal.",
        place: "Terminal",
        file: include_str!("../../snippets/code-key.sh"),
        hint: CODE_HINT,
    },
    ClientSetup {
        client: "cursor",
        way: BROWSER,
        about: "Add this to the file. Cursor then shows Needs login next to the server.",
        place: "~/.cursor/mcp.json",
        file: include_str!("../../snippets/cursor-browser.json"),
        hint: "",
    },
    ClientSetup {
        client: "cursor",
        way: KEY,
        about: "Add this to the file.",
        place: "~/.cursor/mcp.json",
        file: include_str!("../../snippets/cursor-key.json"),
        hint: "",
    },
    ClientSetup {
        client: "vscode",
        way: BROWSER,
        about: "Add this to the file, then choose Start above the entry.",
        place: ".vscode/mcp.json",
        file: include_str!("../../snippets/vscode-browser.json"),
        hint: "",
    },
    ClientSetup {
        client: "vscode",
        way: KEY,
        about: "Add this to the file. VS Code asks for the key once and does not write it into the file.",
        place: ".vscode/mcp.json",
        file: include_str!("../../snippets/vscode-key.json"),
        hint: "",
    },
    ClientSetup {
        client: "codex",
        way: BROWSER,
        about: "Add this to the file, then run codex mcp login latchkey.",
        place: "~/.codex/config.toml",
        file: include_str!("../../snippets/codex-browser.toml"),
        hint: "",
    },
    ClientSetup {
        client: "codex",
        way: KEY,
        about: "Add this to the file, and put the key into the variable LATCHKEY_API_KEY.",
        place: "~/.codex/config.toml",
        file: include_str!("../../snippets/codex-key.toml"),
        hint: "",
    },
    ClientSetup {
        client: "other",
        way: BROWSER,
        about: "Give your client this address. It finds the login by itself.",
        place: "Streamable HTTP",
        file: include_str!("../../snippets/other-browser.json"),
        hint: OTHER_HINT,
    },
    ClientSetup {
        client: "other",
        way: KEY,
        about: "Give your client the address and this header.",
        place: "Streamable HTTP",
        file: include_str!("../../snippets/other-key.json"),
        hint: OTHER_HINT,
    },
];

impl ClientSetup {
    /// The text for a server with this address.
    pub fn render(&self, origin: &str) -> String {
        self.file.replace(ADDRESS, origin).trim_end().to_owned()
    }

    /// The name of the client.
    pub fn name(&self) -> &'static str {
        CLIENTS.iter().find(|(id, ..)| *id == self.client).map_or("", |(.., name)| name)
    }
}
