/* The operator's command: sets up, manages and audits; see admin/. */
#include "admin/commands.h"
#include "base/descriptors.h"

int
main(int argc, char **argv)
{
	descriptors_open_standard();
	return (int)admin_main(argc, argv, admin_commands);
}
