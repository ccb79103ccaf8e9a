/* The table of commands. */
#include "admin/commands.h"

#include <stddef.h>

#define OPTS_TASK                                                          \
	(OPT(TYPE) | OPT(URL) | OPT(EXPECT) | OPT(TIMEOUT) | OPT(REWARD) | \
	    OPT(INTERVAL) | OPT(COPIES) | OPT(COOLDOWN) | OPT(BUDGET) |    \
	    OPT(REGION))

const struct command admin_commands[] = {
	{ "init", "[--migrate]", "make a configuration and a ledger",
	    "Writes a commented configuration where there is none, then\n"
	    "makes an empty ledger with a random id where it says. What\n"
	    "exists is never overwritten. --migrate instead brings an older\n"
	    "ledger up to this program's schema.\n",
	    OPT(MIGRATE), 0, 0, command_init },
	{ "check", "", "check configuration, ledger file and clock",
	    "Says what it checked, and exits 1 when something is wrong.\n",
	    OPT(QUIET), 0, 0, command_check },
	{ "doctor", "[--payout FILE] [--socket PATH] [--backups DIR]",
	    "look at the whole installation, and say what to type",
	    "What check looks at, and who can read and change which file, the\n"
	    "coordinator and what it is shut in by, nginx and its certificate,\n"
	    "timers, logs, copies, the clock, how long disk and treasury last,\n"
	    "the last payout run and the chain's nodes. Run it as root.\n"
	    "Exits 1 when something is wrong.\n",
	    OPT(PAYOUT) | OPT(SOCKET) | OPT(BACKUPS) | OPT(ROOT) | OPT(QUIET),
	    0, 0, command_doctor },
	{ "task add", "ID --url URL [OPTION]...", "add a task",
	    "A task is a GET of an http or https URL, due at once. ID is 1\n"
	    "to 64 of A-Z a-z 0-9 _ . : - and names it for ever. Durations\n"
	    "have a unit: ms, s, m, h or d. Without options: status 200\n"
	    "within 10000 ms, 100 micro-USDC, every 30s, 1 copy, cooldown\n"
	    "5m. A private task stays so: only its workers are told what\n"
	    "it is, and the log has it as salted hashes. Its ID gets a\n"
	    "random end, so that nobody guesses it.\n",
	    OPTS_TASK | OPT(PRIVATE), 1, 1, command_task_add },
	{ "task list", "[--limit N | --all]", "list tasks by name",
	    "The first 100 that aren't removed; --all lists every task, the\n"
	    "removed ones, too.\n",
	    OPT(ALL) | OPT(LIMIT), 0, 0, command_task_list },
	{ "task show", "ID [--limit N]",
	    "show a task, its last checks and its earlier definitions",
	    "ID may be the beginning of a name, if no other has it. --limit is\n"
	    "for both lists (10).\n",
	    OPT(LIMIT), 1, 1, command_task_show },
	{ "task edit", "ID OPTION...", "change a task's definition",
	    "The new definition is in force when the task next has a slot to\n"
	    "give. What was assigned before is paid as it was offered.\n",
	    OPTS_TASK, 1, 1, command_task_edit },
	{ "task pause", "ID", "stop handing out a task", "", 0, 1, 1,
	    command_task_pause },
	{ "task resume", "ID", "hand out a paused task again", "", 0, 1, 1,
	    command_task_resume },
	{ "task remove", "ID", "remove a task for ever",
	    "Its results stay, and its name stays taken. Asks first, on a\n"
	    "terminal.\n",
	    OPT(YES), 1, 1, command_task_remove },
	{ "task import", "FILE [--update]",
	    "add the tasks of a JSON array, if all are right",
	    "FILE is - for standard input. Each element has id, type\n"
	    "(\"http_check\"), url, expectedStatus, timeoutMs, rewardMicros,\n"
	    "and optionally region, intervalMs, copies, cooldownMs,\n"
	    "budgetMicros, and private (true or false), of which the id gets a\n"
	    "random end, as with task add --private. A task that exists already\n"
	    "is refused; with --update it is changed, and keeps what isn't given.\n"
	    "A private one is found by its id without that end, too. All of them\n"
	    "are checked first, then written in parts, between which the\n"
	    "coordinator goes on.\n",
	    OPT(UPDATE), 1, 1, command_task_import },
	{ "region list", "", "list the regions that tasks are or were of", "",
	    0, 0, 0, command_region_list },
	{ "region rename", "OLD NEW", "call a region otherwise",
	    "Its tasks are then for workers that declare the new name.\n", 0, 2,
	    2, command_region_rename },
	{ "worker list", "[--by WHAT] [--limit N | --all]",
	    "list workers, those first who joined last",
	    "--by network puts those of a network together, --by record those\n"
	    "first that failed most drills, --by silence those that left most\n"
	    "slots of the last minutes unanswered.\n",
	    OPT(BY) | OPT(ALL) | OPT(LIMIT), 0, 0, command_worker_list },
	{ "worker show", "ADDRESS [--limit N]",
	    "show a worker, its last results and open assignments",
	    "ADDRESS may be 0x and the first digits, or 0x24c4..4680, if no\n"
	    "other worker has them; so it is in every command for a worker.\n"
	    "--limit is for both lists (10).\n",
	    OPT(LIMIT), 1, 1, command_worker_show },
	{ "worker suspend", "ADDRESS",
	    "give a worker nothing and refuse its results",
	    "What it has earned stays.\n", 0, 1, 1, command_worker_suspend },
	{ "worker resume", "ADDRESS", "let a suspended worker take part again",
	    "", 0, 1, 1, command_worker_resume },
	{ "worker requests", "[--limit N | --all]",
	    "list who asks to be admitted, who waits longest first",
	    "By /join or worknet-worker join, with its own signature, in the last\n"
	    "30 days. See worker admit.\n",
	    OPT(ALL) | OPT(LIMIT), 0, 0, command_worker_requests },
	{ "worker admit", "ADDRESS [--weight N|--witness]|--file FILE",
	    "let an address in, as a network of its own",
	    "For [admission] mode = list or standing. An admitted address has a\n"
	    "share of its own, whatever its network has, or --weight N shares,\n"
	    "up to 1000: for your own workers. It need not have been seen\n"
	    "before. FILE has lines of ADDRESS or ADDRESS,WEIGHT; # begins a\n"
	    "comment. All of them are admitted, or none. --witness is for a\n"
	    "worker of your own, or of somebody whom you trust: it is given\n"
	    "nothing but extra slots, and what it reports is what others are\n"
	    "judged by.\n",
	    OPT(WEIGHT) | OPT(FILE) | OPT(WITNESS), 0, 1,
	    command_worker_admit },
	{ "worker import", "FILE [--dry-run]",
	    "let addresses in, each of a tier",
	    "FILE (- is standard input) has lines of ADDRESS,TIER, a tier being\n"
	    "bronze, silver, gold or platinum; # begins a comment. Each is\n"
	    "admitted with the shares of its tier, and paid what [tiers] says\n"
	    "for each slot that it is given from then on. All of them are, or\n"
	    "none. Who is in no line stays what it is: see worker expel. What\n"
	    "changes is listed; --dry-run does nothing else.\n",
	    OPT(DRY_RUN), 1, 1, command_worker_import },
	{ "worker expel", "ADDRESS", "end what worker admit and import began",
	    "It keeps what it earned, and its standing, and is of no tier.\n",
	    0, 1, 1, command_worker_expel },
	{ "worker forfeit", "ADDRESS --since TIME --why TEXT",
	    "take back credit that isn't paid yet",
	    "What was credited to the worker since then, as far as it is still\n"
	    "owed, goes back to the rewards, for ever. The worker's statement\n"
	    "and payout explain show it, worker show with the reason. What was\n"
	    "paid, or is being paid, stays. See worker show before it. Asks first,\n"
	    "on a terminal.\n",
	    OPT(SINCE) | OPT(WHY) | OPT(YES), 1, 1, command_worker_forfeit },
	{ "status", "[--limit N | --check]",
	    "tasks, workers, results, money, warnings",
	    "Coverage counts, of the cycles that opened between 62 and 2\n"
	    "minutes ago, those that were checked; the worst --limit tasks\n"
	    "(20) are listed. Warnings don't change the exit code, but with\n"
	    "--check, which prints one line and exits as Nagios plugins do: 0\n"
	    "ok, 1 warning, 2 critical, 3 unknown.\n",
	    OPT(LIMIT) | OPT(CHECK), 0, 0, command_status },
	{ "metrics", "[--run NAME [--exit CODE]] [--file FILE]",
	    "the same in numbers, as Prometheus reads them",
	    "Of the ledger; what the coordinator counts is at its /metrics.\n"
	    "--file replaces FILE with them, for node_exporter's textfile\n"
	    "collector: its name has to end with .prom. --run tells nothing of\n"
	    "the ledger, but when a run of that name ended, and how: for\n"
	    "ExecStopPost= of systemd, or with --exit $? for cron.\n",
	    OPT(FILE) | OPT(RUN) | OPT(EXIT), 0, 0, command_metrics },
	{ "audit", "[--signatures | --known FILE] [--log DIR] [-q]",
	    "prove the ledger from its rows alone",
	    "Recomputes sums, hashes and the rules of the schedule from\n"
	    "every row, and with --signatures every signature; with --known\n"
	    "those that no earlier audit with the same FILE has verified, if\n"
	    "what they depend on hasn't changed since. With --log what\n"
	    "worknet-log has published, line by line: what was paid is there,\n"
	    "and nothing else. Exits 1 with a list of what is off. Note the\n"
	    "newest transfer's hash: a later audit can be held against it.\n",
	    OPT(SIGNATURES) | OPT(KNOWN) | OPT(LOG) | OPT(QUIET), 0, 0,
	    command_audit },
	{ "backup", "DIR [--quiet]",
	    "write a verified copy of the ledger into DIR",
	    "While others work with it. The copy's name tells which ledger it\n"
	    "is of and when it was made (UTC). Of the copies in DIR the newest\n"
	    "one stays of each of the last 24 hours, 30 days and 12 months that\n"
	    "have any; the others are removed. The newest transfer's hash is\n"
	    "told: a later audit can be held against it.\n",
	    OPT(QUIET), 1, 1, command_backup },
	{ "restore", "FILE", "put a copy of the ledger in the ledger's place",
	    "FILE is one that backup made. Refused while anybody has the ledger\n"
	    "open. The old ledger stays beside the new one, under a name that\n"
	    "is told. Then nobody is paid until worknet-payout has compared the\n"
	    "ledger with the chain.\n",
	    0, 1, 1, command_restore },
	{ "export", "--task ID --from TIME --to TIME DIR",
	    "write what proves a task's hours to anybody",
	    "Of the transparency log ([log] directory), into DIR, which is made:\n"
	    "the task's definitions, the hours from --from to --to, and what\n"
	    "proves that the log has them. See verify. --anchor is for who has\n"
	    "a checkpoint of SIZE leaves: see verify --same-log.\n",
	    OPT(TASK) | OPT(FROM) | OPT(TO) | OPT(ANCHOR), 1, 1,
	    command_export },
	{ "verify", "PATH [--policy FILE] [OPTION]...",
	    "verify an export, without asking anybody",
	    "PATH is a directory that export made, or one .tlog-proof file. Needs\n"
	    "no configuration, no ledger and no network. --policy has the keys\n"
	    "that you trust; without it the export is held against those that\n"
	    "came with it, which nobody vouches for. With --from and --to it must\n"
	    "cover that time, of which the figures are then. --result shows what\n"
	    "the log has of that slot. --same-log has it proven that what OTHER\n"
	    "shows is of the same log: another export, a checkpoint that was\n"
	    "kept, or a copy of what a log is served as; if the log is forked\n"
	    "both checkpoints are shown.\n"
	    "Says what is proven and what isn't; exits 1 when something isn't as\n"
	    "it must be.\n",
	    OPT(POLICY) | OPT(FROM) | OPT(TO) | OPT(RESULT) | OPT(SAME_LOG), 1,
	    1, command_verify },
	{ "payout list", "[--open] [--worker ADDRESS] [--limit N]",
	    "list payouts, the newest first",
	    "The last 100; open are those that are neither final nor\n"
	    "voided.\n",
	    OPT(OPEN) | OPT(WORKER) | OPT(ALL) | OPT(LIMIT), 0, 0,
	    command_payout_list },
	{ "payout show", "ID",
	    "show a payout, its authorization and its events", "", 0, 1, 1,
	    command_payout_show },
	{ "payout explain", "ID", "tell a payout's whole story, for its worker",
	    "Which credits it pays and the checks behind each, what happened\n"
	    "to it and when, and where the chain shows it.\n",
	    0, 1, 1, command_payout_explain },
	{ "payout hold", "[ADDRESS] [--reason TEXT]",
	    "hold a worker's payouts, or everybody's",
	    "Without ADDRESS nobody is paid: a run stops between two payouts.\n"
	    "What was signed before is still followed up.\n",
	    OPT(REASON), 0, 1, command_payout_hold },
	{ "payout release", "[ADDRESS]", "end what payout hold began", "", 0, 0,
	    1, command_payout_release },
	{ "payout holds", "", "list who is held, by whom, why, since when",
	    "'chain' holds whom the token refuses, as long as it does.\n", 0, 0,
	    0, command_payout_holds },
	{ "treasury", "[--address ADDRESS]",
	    "what the treasury has, what is owed, how long it lasts",
	    "Asks the nodes of [payout] rpc_urls. The treasury's address is\n"
	    "that of --address, of the key file if it can be read (a keystore\n"
	    "says it without its passphrase), or of the newest payout. Exits\n"
	    "1 when the chain can't be asked.\n",
	    OPT(ADDRESS), 0, 0, command_treasury },
	{ "finding list", "[--all]",
	    "list what payout runs found that a person must look at",
	    "--all lists the closed ones, too.\n", OPT(ALL), 0, 0,
	    command_finding_list },
	{ "finding close", "ID", "say that a person looked at a finding",
	    "It stays in the ledger, but is no exception any more. What lasts\n"
	    "is closed by the run that sees its end, and opens again if it was\n"
	    "closed before that.\n",
	    0, 1, 1, command_finding_close },
	{ "report", "--task ID [--from TIME] [--to TIME] [OPTION]...",
	    "tell a task's uptime, with its bounds",
	    "By the method worknet-uptime/1 (doc/uptime), over whole hours of\n"
	    "UTC; without --from the 30 days before --to, without that up to\n"
	    "now. Cycles that aren't over aren't counted. Exits 1 when a\n"
	    "--target was missed.\n",
	    OPT(TASK) | OPT(FROM) | OPT(TO) | OPT(CSV) | OPT(TARGET), 0, 0,
	    command_report },
	{ "archive", "[--bring-back [--log DIR]] [--quiet]",
	    "drop results that the log and the store have",
	    "Drops those older than [archive] after_days whose credit is paid:\n"
	    "each is read back from the object store before, and compared.\n"
	    "The ledger keeps the credits, and a digest of their results;\n"
	    "statements, payouts and audit are complete without them.\n"
	    "--bring-back puts all of them back, from a copy of the log in DIR\n"
	    "or from the store. Exits 1 when something isn't as it was logged,\n"
	    "and 4 when the store can't be reached now. What fails is a finding\n"
	    "(worknet finding list) until a run ends well.\n",
	    OPT(BRING_BACK) | OPT(LOG) | OPT(QUIET), 0, 0, command_archive },
	{ "rollup", "[--since TIME] [--quiet]", "count each hour that is over",
	    "Writes what tasks were in each hour, so that reports are quick;\n"
	    "they are the same without. --since counts the days from then on\n"
	    "anew.\n",
	    OPT(SINCE) | OPT(QUIET), 0, 0, command_rollup },
	{ "maintenance add", "ID --from TIME --to TIME --why TEXT",
	    "announce an outage of a task",
	    "It is left out of the task's uptime if it is announced before it\n"
	    "begins; one that comes too late is only listed.\n",
	    OPT(FROM) | OPT(TO) | OPT(WHY), 1, 1, command_maintenance_add },
	{ "maintenance list", "[ID] [--all]",
	    "list what is announced and isn't over",
	    "--all lists what is over, too.\n", OPT(ALL), 0, 1,
	    command_maintenance_list },
	{ "maintenance end", "N", "end a maintenance now",
	    "One that hasn't begun never will.\n", 0, 1, 1,
	    command_maintenance_end },
	{ "alert add", "NAME KIND [--url URL] [OPTION]...",
	    "tell somebody of incidents",
	    "KIND is webhook, slack, ntfy, pagerduty or mail; URL is where it is\n"
	    "told, of mail mailto:NAME@HOST, of pagerduty its own unless given.\n"
	    "Of all tasks, or of --task. FILE (- is standard input) has\n"
	    "PagerDuty's routing key, or ntfy's access token. A webhook's\n"
	    "receiver gets the secret that is printed, and verifies with it what\n"
	    "it is told (Standard Webhooks). worknet-alert tells it from then on.\n",
	    OPT(URL) | OPT(TASK) | OPT(FILE), 2, 2, command_alert_add },
	{ "alert list", "", "list who is told of incidents",
	    "With what waits for each. Of where they are the host is shown.\n",
	    0, 0, 0, command_alert_list },
	{ "alert show", "[NAME] [--limit N]",
	    "show what was told to whom, the newest first",
	    "The last 100 deliveries, with what came of the last try.\n",
	    OPT(ALL) | OPT(LIMIT), 0, 1, command_alert_show },
	{ "alert test", "NAME", "tell a receiver something, to see it arrive",
	    "By worknet-alert, within a minute: see alert show.\n", 0, 1, 1,
	    command_alert_test },
	{ "alert rotate", "NAME", "make a new secret for a webhook",
	    "The one before it signs, too, until the next rotation: give the new\n"
	    "one to the receiver, then rotate once more.\n",
	    0, 1, 1, command_alert_rotate },
	{ "alert resume", "NAME", "tell a receiver again that was gone",
	    "One that answers 410 is told nothing more until then.\n", 0, 1, 1,
	    command_alert_resume },
	{ "alert remove", "NAME", "tell somebody nothing more",
	    "Asks first, on a terminal.\n", OPT(YES), 1, 1,
	    command_alert_remove },
	{ .name = NULL },
};
