//! The rules, and the commands they know: those of POSIX and Windows shells that read, write, fetch
//! or run something.

use crate::detect::{
    Rule,
    rules::{always, short},
};

/// Commands with arguments.
macro_rules! command {
    () => {
        r"(?:cat|ls|id|whoami|uname|ifconfig|ipconfig|netstat|wget|curl|lynx|ping|nc|ncat|netcat|bash|sh|zsh|ksh|dash|csh|tcsh|perl|python(?:[23](?:\.\d+)?)?|ruby|irb|php\d?|node|nslookup|dig|host|getent|telnet|ftp|tftp|rm|cp|mv|chmod|chown|mkdir|mkfifo|mknod|touch|echo|printf|head|tail|less|more|tac|nl|od|xxd|hexdump|strings|rev|sort|uniq|cut|awk|gawk|sed|e?grep|fgrep|find|locate|which|whereis|ps|top|kill|killall|pwd|cd|env|printenv|export|set|sleep|usleep|timeout|time|date|who|w|last|lastlog|finger|groups|su|sudo|passwd|useradd|adduser|crontab|mount|df|du|free|lsof|ss|arp|route|ip|iptables|tcpdump|ssh|scp|rsync|git|svn|make|gcc[\d.]*|cc|c89|c99|java|tar|zip|unzip|gzip|gunzip|bzip2|zcat|zstdcat|base64|base32|md5sum|sha1sum|openssl|xargs|tee|dd|install|ln|stat|diff|cmp|split|vi|vim|nano|ed|ex|emacs|man|service|systemctl|shutdown|reboot|init|eval|exec|source|trap|alias|fold|dir|type|copy|del|move|ren|net|netsh|reg|regedit|sc|tasklist|taskkill|systeminfo|ver|wmic|powershell|pwsh|cmd|cscript|wscript|mshta|certutil|bitsadmin|rundll32|regsvr32|iwr|iex|invoke-\w+|schtasks|tracert|traceroute|hostname|sysinfo|strace|ltrace|gdb|socat|screen|tmux|nohup|busybox|lua|expect|apt|apt-get|yum|dpkg|rpm|pip3?|npm|docker|kubectl|aws|rmt(?:-dump)?|perf|flock|ll|\.\s?shell|\.\s?system)"
    };
}

/// Commands that say something without arguments, and are no words of a sentence.
macro_rules! alone {
    () => {
        r"(?:whoami|uname|ifconfig|ipconfig|netstat|wget|curl|nslookup|getent|netcat|ncat|systeminfo|tasklist|netsh|wmic|powershell|pwsh|certutil|bitsadmin|cmd\.exe|ls|dir|pwd|phpinfo\(\)|sysinfo|printenv|lsof|net\s+(?:user|view|localgroup|share)|traceroute|tracert|htop|rmt-dump)"
    };
}

/// Commands whose names are no words of a language and no names of columns or products: behind a
/// value, they need no argument.
macro_rules! system {
    () => {
        r"(?:chown|chgrp|chmod|chattr|mkfs(?:\.\w+)?|mkswap|swapo(?:n|ff)|killall|pkill|pgrep|pidof|(?:user|group)(?:add|del|mod)|(?:add|del)(?:user|group)|chpasswd|chsh|visudo|compgen|whoami|logname|uname|ifconfig|ipconfig|if(?:up|down)|iwconfig|netstat|nslookup|getent|netcat|ncat|tcpdump|tshark|nmap|printenv|ls(?:of|blk|cpu|pci|usb|mod|attr|hw)|lsb_release|dmidecode|dmesg|modprobe|insmod|rmmod|depmod|sysctl|ip6?tables|nft|ufw|firewall-cmd|journalctl|systemctl|crontab|atq|atrm|sudo|doas|pkexec|mkdir|rmdir|mkfifo|mknod|mktemp|xargs|xxd|hexdump|strace|ltrace|socat|rsync|tftp|[ef]grep|zgrep|zcat|gunzip|bunzip2|bzip2|unxz|base(?:32|64)|md5sum|sha\d{1,3}sum|shasum|cksum|busybox|nohup|setsid|chroot|unshare|nsenter|poweroff|telinit|umount|s?fdisk|losetup|blkid|(?:hostname|timedate|locale|login)ctl|apt-(?:get|cache)|dpkg|dnf|zypper|pacman|kubectl|ssh-(?:keygen|copy-id|add)|sshpass|mysqldump|pg_dump|redis-cli|unlink|shred|realpath|readlink|dirname|setfacl|getfacl|[sg]etcap|capsh|auditctl|ausearch|sestatus|[sg]etenforce|semanage|chage|gpasswd|vipw|runuser|faillog|lastb|fuser|partprobe|dpkg-reconfigure|update-(?:rc\.d|alternatives)|vmstat|iostat|mpstat|htop|renice|ionice|taskset|stdbuf|ulimit|umask|certutil|tasklist|taskkill|systeminfo|schtasks|wmic|netsh|pwsh|[cw]script|mshta|rundll32|regsvr32|bitsadmin|i?cacls|takeown|vssadmin|bcdedit|diskpart|robocopy|xcopy|findstr|nbtstat|tracert|tracepath|pathping|driverquery|gpresult|fsutil|wevtutil|qwinsta|quser|msiexec|forfiles|(?:net1?|cmd|ping|reg|sc|at|calc|notepad|powershell|arp|route|hostname|nc|curl|ftp|telnet)\.exe)"
    };
}

/// What stands in front where a command is put behind a value: one word, an address, a quote or a
/// bracket that is closed, nothing.
macro_rules! behind_a_value {
    () => {
        r#"^[^\s;|&<>`$]*['")}\]]*\s*(?:;|\|\|?|&&?|\n)\s*[({!]*\s*"#
    };
}

/// The same for an address alone, as diagnostics take one, or a separator at the very beginning:
/// whatever follows is no prose.
macro_rules! behind_an_address {
    () => {
        r#"^\s*(?:(?:\d{1,3}(?:\.\d{1,3}){3}|localhost|::1)(?:/\d+)?['")]*\s*(?:;|\|\|?|&&?|\n)|;)\s*[({!]*\s*"#
    };
}

/// Variables that every shell has set.
macro_rules! set_variable {
    () => {
        r"(?:PATH|HOME|PWD|OLDPWD|SHELL|IFS|BASH\w*|HOSTNAME|HOSTTYPE|MACHTYPE|OSTYPE|LANG|LC_\w+|LS_COLORS|TERM|USER|USERNAME|LOGNAME|RANDOM|PS[1-4]|PPID|SHLVL|E?UID|EDITOR|MAIL|DISPLAY)"
    };
}

macro_rules! folder {
    () => {
        r"(?:/*(?:usr/+)?(?:local/+)?s?bin/+)?"
    };
}

/// What ends the command before: RFC-less, but in every shell's manual; and line breaks that were
/// escaped twice.
macro_rules! separator {
    () => {
        r"(?:[;|\n^<]|&&?|\$\(|\(\)\s*\{|\\[nr])"
    };
}

macro_rules! gap {
    () => {
        r"(?:[\s+,{]|\$\{?ifs\b\}?(?:\$?\d)?|\\t)+"
    };
}

macro_rules! argument {
    () => {
        r#"(?:-{1,2}\w|/[\w.*?\[{$/]|/$|/\s+-\w|\\?\$[\w({@]|\w+://|\*|~|\.{1,2}/|\.\\|[a-z]:[\\/]|%\w+%|[\w-]+\.(?:txt|php|sh|conf|ini|log|html?|exe|py|pl|jsp|asp|sql|xml|db|c|rb|bat|ps1|tar|gz|zip|bak|key|pem)\b|[{?]|\+[a-z]\s|\.{1,2}(?:\s|$))"#
    };
}

pub(in crate::detect) const RULES: &[Rule] = &[
    short(
        "separator-argument",
        concat!(
            separator!(),
            r#"[\s+]*['"({]*\s*"#,
            folder!(),
            command!(),
            gap!(),
            r#"['"]?"#,
            argument!()
        ),
    ),
    short(
        "separator-host",
        concat!(
            separator!(),
            r#"[\s+]*['"({]*\s*"#,
            folder!(),
            r"(?:sleep|usleep|ping|nc|ncat|kill|timeout|telnet|nslookup|dig|host|traceroute|tracert|ftp|ssh|scp|curl|wget|lynx|ip)",
            gap!(),
            r#"['"]?(?:\w+@)?(?:\d|[\w-]+(?:\.[\w-]+)+)"#
        ),
    ),
    short(
        "separator-quoted",
        concat!(
            separator!(),
            r#"[\s+]*['"({]*\s*"#,
            folder!(),
            r"(?:echo|printf|bash|sh|perl|python\d?|ruby|php|eval|exec|awk|sed|e?grep|cat|alias|trap|powershell|curl|wget|vi|mysql|node)",
            gap!(),
            r#"["'`]"#
        ),
    ),
    short(
        "separator-word",
        concat!(
            r#"(?:[;|\n]|&&|\$\(|\\[nr])[\s+]*['"({]*\s*"#,
            folder!(),
            r#"(?:n?id|env|nc|ver|ps|sh|bash|dig|df|du|arp|hostname|ping)\s*['")}]*\s*(?:$|[;|&\n`#]|\\n)"#
        ),
    ),
    short(
        "separator-command",
        concat!(
            separator!(),
            r#"[\s+]*['"({]*\s*"#,
            folder!(),
            alone!(),
            r#"\s*['")}]*\s*(?:$|[;|&\n`#]|\\n)"#
        ),
    ),
    short(
        "windows",
        r"[;|&]\s*(?:net\s+(?:user|localgroup|view|share|use|start|stop)\s+\w|netsh\s+\w+\s+\w|reg\s+(?:add|query|delete|save)\s|powershell\s+[-a-z])|^\s*(?:net\s+(?:user|localgroup|group|accounts|share|use|view|session|start|stop|config|computer|time|file|statistics)\b[^\n]*\s/\w+|netsh\s+\w+\s+\w+\s+\w|reg\s+\w+\s+\S*hk|(?:powershell|pwsh)(?:\.exe)?\s+(?:-[a-z]|[a-z]:)|invoke-(?:webrequest|expression)\s+\S)|(?:^|[;|&])\s*(?:type\s+(?:%\w+%|[a-z]:)|iex\s*\()",
    ),
    short(
        "start-argument",
        concat!(
            r#"^[\s'"]*"#,
            folder!(),
            r"(?:cat|ls|ll|dir|type|rm|wget|curl|nc|ping|nslookup|dig|bash|sh|perl|python\d?|php|ruby|head|tail|more|less|tac|nl|chmod|cp|mv|sleep|cscli|dd|strace|c99|zstdcat|gunzip|busybox)",
            gap!(),
            r#"(?:-{1,2}\w+\s+)*['"]?(?:/(?:etc|bin|usr|var|tmp|home|root|proc|dev|\w*[?*\[])|[a-z]:[\\/]|\$|\d+\.\d+\.\d+\.\d+|-e\s|-[lnv]+p|/[ab]\s|-c\s["'])|^[\s'"]*(?:wget|curl|lynx)\s+(?:-\S+\s+)+['"]?https?://\S+\s*$"#
        ),
    ),
    short(
        "wrapper",
        concat!(
            r"^[\s']*(?:time|timeout|nohup|strace|flock|exec|sudo|env|xargs|watch|nice|setsid|stdbuf)\s+(?:(?:-\S+|\w+=\S*|\d[\d.]*[smhd]?|/\S*)\s+)*",
            folder!(),
            r#"(?:sh|bash|whoami|id|curl|wget|ifconfig|nc|uname)\s*(?:$|[;|&<>`'")#]|-|\s[-/~$.'"]|\s\w+:/|\s[\w-]+\.\w|\s\d)"#
        ),
    ),
    short(
        "folder",
        concat!(
            r#"(?:^\s*|[;|&\n`"'(=<]\s*|\\n)/(?:usr/)?(?:local/)?s?bin/"#,
            command!(),
            r#"(?:[\s;|&`)'"\\]|$)"#
        ),
    ),
    short(
        "secret",
        r"\b(?:cat|type|more|less|head|tail|nl|tac|dd\s+if=|cp|vi|sed|awk|grep)\b(?:[\s+<]|\$\{?\w{1,4}\}?(?:\$\d)?)+\S*?(?:etc/(?:passwd|shadow|hosts|group)|proc/self)|[;|&\n]\s*(?:[ef]?grep|awk|sed|cut|sort|head|tail|find)\s+(?:\S+\s+){1,3}/?(?:etc/(?:passwd|shadow|hosts|group)|proc/self)|\bdd\s+if=",
    ),
    always("ifs", r"\$(?:ifs\b|\{ifs)"),
    // CVE-2014-6271
    always(
        "shellshock",
        r"\(\)\s*\{\s*[:_]?;?\s*\}\s*;\s*[\w/]|^\(\)\s*\{[^{}]*;\s*\}\s*(?:;|>_\[)",
    ),
    always("fork-bomb", r"[\w:]+\(\)\s*\{\s*[\w:]+\s*\|\s*[\w:]+\s*&\s*\}"),
    // CVE-2021-44228 and the look-ups that hide it
    always(
        "lookup",
        r"\$\\?\{\s*(?:jndi|\$\\?\{(?:lower|upper|env|sys|::-|:))|\bjndi:(?:ldap|rmi|dns|iiop|nis|corba)|\$\\?\{\s*(?:(?:lower|upper):\W?\w?\W?\}|::?-?\w)|\$\{[^}\s]*:-[a-z:/.]?\}(?:\w|:|\$\{)",
    ),
    // alone, look-ups fill in the settings of build tools and the patterns of loggers, and tell an
    // attacker whether they are followed
    short(
        "lookup-probe",
        r"\$\\?\{\s*(?:lower|upper|env|sys|java|ctx|date|main|docker|k8s|log4j):",
    ),
    short(
        "substitution",
        concat!(
            r#"(?:\$\(|<\(|>\()\s*['"]?"#,
            folder!(),
            command!(),
            r"(?:[\s+<{$;|&][^`)]*)?[`)]"
        ),
    ),
    short(
        "backtick",
        // a command in the middle of a sentence is quoted as code is
        r"^(?:\{\{[^{}]*\}\}|[^\s`])*\s?[;|&]?\s?`\s*(?:/*(?:usr/+)?s?bin/+)?(?:id|whoami|uname|sleep|ping|curl|wget|nc|cat|ls|echo|ifconfig|nslookup|dig|bash|sh|python\d?|perl|php|cut)\b[^`\n]*`\s?[^\s`]*\s*$",
    ),
    short(
        "glob",
        r"(?:^|[\s;|&`(+,<])/(?:[a-z]{0,4}[?*\[\]]+[a-z?*\[\]]{0,6}/|(?:etc|bin|usr|dev|var|tmp|proc|sbin)/[a-z./]*[?*\[])",
    ),
    // behind a value, words that begin with a quote, a redirection or a folder of one's own
    short(
        "separator-disguise",
        r#"^[^\s;|&<>`$]*(?:;|\|\|?|&&?)\s*(?:(?:"\w{1,4}"|'\w{1,4}')[a-z]+\s*(?:$|[;|&])|<<<\s*\S+\s+(?:/\S+/)?(?:ba|z|k|da)?sh\b|(?:/\S+/)?(?:ba|z|k|da)?sh\s*<<-?\s*['"]?\w+['"]?\s*\n|<\s*/\S+\s+[a-z]\w*\s*$|>\s*[\w./-]+\s+(?:id|whoami|ls|cat|uname|env|ps|curl|wget|sh|bash)\b|~[+-]?/\S|/(?:usr/)?s?bin/["']\w+["'])"#,
    ),
    short("here-string", r#"[\w$}'"]\s?<<<\s?['"$\w]"#),
    // cells of a spreadsheet that start a program or send what others hold (CWE-1236)
    always(
        "formula",
        r#"(?:^|[;,\t\n"'])\s*[=+@-][^\n;,]*\b(?:cmd|powershell|pwsh|msexcel|rundll32|regsvr32|mshta|wscript|cscript|certutil|calc) ?\|'[^'\n]*'\s*!|=\s*dde\(\s*["']?(?:cmd|powershell|mshta|rundll32)"#,
    ),
    short(
        "formula-sent",
        r#"^\s*[=+@-][\w\s(]*\b(?:hyperlink|webservice|image|importxml|importdata|importhtml|importfeed|importrange)\s*\(\s*(?:concat(?:enate)?\s*\(\s*)?"(?:https?|ftp)://[^"\n]*"\s*[&,;]\s*[$a-z(][$\w:!(]*[\d)]"#,
    ),
    // tools that run something for whoever names it
    short(
        "separator-tool",
        concat!(
            separator!(),
            r"[\s+]*",
            r"(?:(?:docker|podman|kubectl|aws|gcloud|az|systemctl|service|apt(?:-get)?|yum|dnf|apk|helm)\s+(?:ps|get|exec|run|s3|sts|iam|ec2|install|describe|logs|images|status|start|stop|restart|add|config|apply|list)\b|busybox\s+(?:nc|wget|sh|ash|telnetd?|httpd|cat|ls|id)\b|socat\s+\S*(?:exec|tcp|udp|file|stdio|-)|(?:get|set|new|invoke|start|stop|remove|copy|out|import)-(?:childitem|content|item|process|service|object|webrequest|restmethod|expression|command|module|file)\b)"
        ),
    ),
    // options through which a program runs another (CWE-88)
    always(
        "option",
        r"(?:^|\s)-{1,2}(?:oproxycommand|upload-pack|receive-pack|checkpoint-action|use-compress-program|to-command)=\S|\bext::(?:sh|bash|cmd)\b",
    ),
    short("expansion", r"\$\(<\s*[\w/.~]|\$\(\(\s*\d+\s*[-+*/]\s*\d+\s*\)\)"),
    // loops and conditions of Windows' command interpreter
    short(
        "batch-for",
        r#"\bfor\s+(?:/[dflr]\s+(?:/\w\s+)?(?:\\?"[^"]*"\s+)?(?:\S+\s+)?)?%{1,2}[\w@~-]+\s+in\s*\("#,
    ),
    short(
        "batch-if",
        r#"(?:^|[&|(]\s*)if\s*(?:/i)?\s+(?:not\s+)?(?:exist\s+\(?\S*[\\.:%]|defined\s+\w+\s+[("]?(?:echo|set|goto|call|cmd|exit|\()|errorlevel\s+\d|cmdextversion\s|["'\[(]?%|["(]?[\w.%"~ ]+[")]?\s*(?:equ|neq|lss|leq|gtr|geq)\s|\w+==\w+\s+\w|"[^"]*"\s*==\s*["%]|\[\w*\]\s*==)|^if/i\s"#,
    ),
    always("reverse-shell", r"/dev/(?:tcp|udp)/"),
    short(
        "variables",
        r#"(?:^|[;&|^])\s*\w{1,6}=[$'"/\w\\][^;&\n]*(?:;|&&?)\s*(?:\w+=[^;&]*&&?)*\$\w"#,
    ),
    short("write", r"[;|&]\s*(?:echo|printf)\s[^;]*>\s*[/\w.]+"),
    short(
        "brace",
        concat!(
            r"(?:^|[;|&\s])\{,?",
            command!(),
            r#",[^}\s]*\}|\{,\$?['"]?"#,
            command!(),
            r#"['"]?(?:,|\})"#
        ),
    ),
    short(
        "system",
        concat!(
            r#"\b(?:system|passthru|shell_exec|popen|proc_open|exec|eval)\s*\(\s*['"]\s*"#,
            command!(),
            r"\b"
        ),
    ),
    short(
        "plain-command",
        concat!(behind_a_value!(), folder!(), system!(), r#"(?:$|[\s;|&)}`"'#<>+])"#),
    ),
    short(
        "address-command",
        concat!(
            behind_an_address!(),
            folder!(),
            r"(?:",
            command!(),
            r#"|at|halt|reboot|yes|tr|wall|write|jobs|history|hash|umask|wait|read|exit|unset|source|bg|fg|seq|stty|tty|cal|wc|comm|join|paste|nice|look|factor|start|erase|rd|md|assoc|ftype|path|prompt|title|vol|label|format|tree|attrib|more|call|goto|pause|mysql|psql|sqlite3|mongo|nginx|httpd|gem|cargo|go|composer|brew|snap|helm|terraform|ansible|vagrant|pwd|dir)(?:\.exe)?(?:$|[\s;|&)}`"'#<>])"#
        ),
    ),
    // where an address is wanted, whatever a shell would take for a command or for its output
    short(
        "address-and-more",
        r"^\s*(?:[\w.:-]+\s*)?(?:(?:;|\|\|?|&&?|\n)\s*[a-z_./$({!\[\\%]|[^\s]*(?:`|\$\(|\$\{))",
    ),
    short(
        "plain-tool",
        concat!(
            behind_a_value!(),
            r#"(?:time\s+(?:id|ls|sleep|cat|curl|wget|whoami|uname)\s*(?:$|[;|&]|\s[-/\d])|git\s+(?:clone|pull|push|fetch|checkout|config|archive|init|log|show|remote|submodule|ls-remote|-c)(?:\s+(?:-|[\w.-]*[:/@]|origin\b|add\b|\.(?:\s|$))|\s*[;|&)}`"'#<>])|svn\s+(?:co|checkout|export|info|cat)\s+(?:-|\S*[:/])|hg\s+clone\s+\S*[:/]|find\s+\S+\s+-\w|crontab\s+[-/<]|trap\s+['"-]|alias\s+\w+=|export\s+\w+=|declare\s+-\w|typeset\s+(?:-\w|\w+=)|eval\s+(?:["'$`(\\/]|\w+\s*[;|&`)])|command\s+-[vp]\b|builtin\s+(?:echo|cd|printf|eval|source|test|read|exec|export)\b|coproc\s+\S|exec\s+\d?[<>/]|ulimit\s+-\w|set\s+-[a-z]\b|yes\s*(?:>+\s*/|\|\s*(?:head|sh|bash|rm|cp|xargs|tee|dd)\b)|kill\s+-\w|su\s+-\s*(?:$|root\b|[cl]\b|[;|&])|dd\s+\w+=|mount\s+(?:-\w|/)|tar\s+(?:-\w|[cxtz][cvzjpf]+\s)|ln\s+-\w|nc\s+\S+\s+\d|openssl\s+(?:s_client|enc|req|rand|dgst|passwd|base64|genrsa|x509|version)\b|(?:python\d?|perl|ruby|php\d?|node)\s+-\w|awk\s+(?:-\w|['"{/$\d])|sed\s+(?:-\w|['"]|s[/|#,]))"#
        ),
    ),
    // output that goes into a file or to another descriptor
    short(
        "redirect",
        concat!(
            behind_a_value!(),
            r"[\w./-]+(?:\s[^;|&\n<>]*)?\s*\d?>{1,2}\s*(?:&\d|/(?:dev|tmp|var|etc|home|usr|proc|root|opt|srv|www|mnt|run)\b|\.{1,2}/|nul\b|[\w/-]+\.(?:txt|php\d?|sh|log|html?|jspx?|aspx?|py|pl|js|conf|cgi|bat|ps1)\b)"
        ),
    ),
    // loops, conditions, functions and groups of POSIX shells
    short(
        "loop",
        concat!(
            r#"(?:"#,
            behind_a_value!(),
            r#"|^\s*[({]?\s*|\$\(\s*)(?:(?:while|until|for|select)\b[^\n]*[;\n]\s*do\b.*\bdone\b|for\s*\(\()"#
        ),
    ),
    short(
        "branch",
        concat!(
            r#"(?:"#,
            behind_a_value!(),
            r#"|^\s*[({]?\s*|\$\(\s*)(?:if\b[^\n]*[;\n]\s*then\b.*\bfi\b|case\s+\S+\s+in\s+\S+\))"#
        ),
    ),
    short(
        "condition",
        concat!(
            r#"(?:"#,
            behind_a_value!(),
            r#"|^\s*[({]?\s*|\$\(\s*)(?:\[\[?\s[^\]\n]*\]\]?\s*(?:&&|\|\||;)|test\s+-\w\s[^;\n]*&&)"#
        ),
    ),
    short(
        "function",
        concat!(
            r#"(?:"#,
            behind_a_value!(),
            r#"|^\s*[({]?\s*|\$\(\s*)(?:(?:function\s+\w+\s*(?:\(\))?|time)\s*\{[^}\n]*;\s*\}|[a-z_]\w*\s*\(\)\s*\{[^}\n]*\}\s*;?\s*\w)"#
        ),
    ),
    short(
        "group",
        concat!(behind_a_value!(), r"\{?\s*[\w./-]+(?:\s[^;}\n]*)?;\s*\}\s*(?:$|[;|&])"),
    ),
    // a word of a command that the shell computes
    short(
        "computed-word",
        concat!(
            r#"(?:^|[;|&\n`({])\s*\$'[^'\n]+'|(?:^|[;|&\n`({])\s*\$\{?(?:0|BASH|SHELL|_|@|\w+)\}?\s*(?:\s-c\s|<<<)|\$\{"#,
            set_variable!(),
            r"(?::-?\s?-?\d|[#%]|/|\^|,|@[a-z]\})|\$\{\w+:\s?-?\d+:-?\d+\}|\$\{![a-z_@*]"
        ),
    ),
    // a word of a command of Windows that is computed, or named by its folder
    short(
        "computed-windows",
        r#"%\w+:~-?\d+(?:,-?\d+)?%|[;|&]\s*(?:start\s+)?"?(?:%\w+%|[a-z]:)\\[\w\\ .%()-]*\.(?:exe|bat|cmd|ps1|vbs)\b|(?:^|[;|&])\s*(?:%comspec%|cmd(?:\.exe)?)\s+/[ckrv]"#,
    ),
    short(
        "set-windows",
        r"\bset\s+/?[ap]?\s?\w+=[^&\n]*&&?\s*(?:call|cmd|echo|start)?\s*[^&\n]*[%!]\w+[%!]|\bcall\s+[%!]\w+",
    ),
    // what is read by a shell
    short(
        "piped-to-shell",
        r#"\|\s*(?:/(?:usr/)?bin/)?(?:sudo\s+)?(?:ba|z|k|da|c|a)?sh(?:\s+-\w+)*\s*(?:$|[;|&)}`#'"])"#,
    ),
    // a command that needs no argument in front of another
    short(
        "start-alone",
        concat!(
            r"^\s*",
            r"(?:whoami|ifconfig|ipconfig|netstat|printenv|systeminfo|tasklist|uname)",
            r"\s*(?:;|\|\|?|&&?)\s*\S"
        ),
    ),
];

/// For commands whose quotes and escapes were taken out.
pub(in crate::detect) const BARE: &[Rule] = &[
    short(
        "split-argument",
        concat!(
            separator!(),
            r"[\s+]*[({]*\s*",
            folder!(),
            command!(),
            gap!(),
            r"(?:-{1,2}\w|/[a-z*?\[]|https?:|\w+\.\w+|\d)"
        ),
    ),
    short(
        "split-command",
        concat!(
            separator!(),
            r"[\s+]*[({]*\s*",
            folder!(),
            alone!(),
            r"\s*[)}]*\s*(?:$|[;|&\n#])"
        ),
    ),
    short(
        "split-start",
        r"^\s*(?:whoami|ifconfig|uname|curl\s+\w|wget\s+\w|cat\s+/|ll\s+/|ls\s+/|ping\s+\d|python\d?(?:\.\d+)?\s+\w+$|cscli\s)",
    ),
    short("split-brace", r"(?:^|[;|&\s])\{(?:cat|ls|nc|ncat|curl|wget|sh|bash),"),
];

/// For commands at the beginning of a value of which the name itself is split, as nothing but a
/// shell puts it together again. Their names are no words with an apostrophe (`I'd`, `we'll`).
pub(in crate::detect) const SPLIT: &[Rule] = &[short(
    "split-word",
    concat!(
        r"^\s*",
        folder!(),
        command!(),
        gap!(),
        r"(?:-{1,2}\w|/[a-z*?\[]|\.{1,2}/|\w+://|\d+\.\d|\$)"
    ),
)];
