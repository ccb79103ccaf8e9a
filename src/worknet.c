/* The operator's command: sets up, manages and audits; see admin/. */
#include "admin/commands.h"

int
main(int argc, char **argv)
{
	return (int)admin_main(argc, argv, admin_commands);
}
