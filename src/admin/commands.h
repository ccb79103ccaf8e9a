/*
 * The subcommands of worknet: what each of them does stands in commands.c. One
 * thread.
 */
#ifndef WORKNET_ADMIN_COMMANDS_H
#define WORKNET_ADMIN_COMMANDS_H

#include "admin/admin.h"

/* All of them; the last one's name is NULL. */
extern const struct command admin_commands[];

enum admin_exit command_init(struct admin *a);
enum admin_exit command_check(struct admin *a);
enum admin_exit command_doctor(struct admin *a);
enum admin_exit command_task_add(struct admin *a);
enum admin_exit command_task_list(struct admin *a);
enum admin_exit command_task_show(struct admin *a);
enum admin_exit command_task_edit(struct admin *a);
enum admin_exit command_task_pause(struct admin *a);
enum admin_exit command_task_resume(struct admin *a);
enum admin_exit command_task_remove(struct admin *a);
enum admin_exit command_task_import(struct admin *a);
enum admin_exit command_region_list(struct admin *a);
enum admin_exit command_region_rename(struct admin *a);
enum admin_exit command_worker_list(struct admin *a);
enum admin_exit command_worker_show(struct admin *a);
enum admin_exit command_worker_suspend(struct admin *a);
enum admin_exit command_worker_resume(struct admin *a);
enum admin_exit command_worker_requests(struct admin *a);
enum admin_exit command_worker_admit(struct admin *a);
enum admin_exit command_worker_import(struct admin *a);
enum admin_exit command_worker_expel(struct admin *a);
enum admin_exit command_worker_forfeit(struct admin *a);
enum admin_exit command_status(struct admin *a);
enum admin_exit command_metrics(struct admin *a);
enum admin_exit command_archive(struct admin *a);
enum admin_exit command_audit(struct admin *a);
enum admin_exit command_backup(struct admin *a);
enum admin_exit command_export(struct admin *a);
enum admin_exit command_restore(struct admin *a);
enum admin_exit command_payout_list(struct admin *a);
enum admin_exit command_payout_show(struct admin *a);
enum admin_exit command_payout_explain(struct admin *a);
enum admin_exit command_payout_hold(struct admin *a);
enum admin_exit command_payout_release(struct admin *a);
enum admin_exit command_payout_holds(struct admin *a);
enum admin_exit command_treasury(struct admin *a);
enum admin_exit command_finding_list(struct admin *a);
enum admin_exit command_finding_close(struct admin *a);
enum admin_exit command_report(struct admin *a);
enum admin_exit command_rollup(struct admin *a);
enum admin_exit command_maintenance_add(struct admin *a);
enum admin_exit command_maintenance_list(struct admin *a);
enum admin_exit command_maintenance_end(struct admin *a);
enum admin_exit command_verify(struct admin *a);
enum admin_exit command_alert_add(struct admin *a);
enum admin_exit command_alert_list(struct admin *a);
enum admin_exit command_alert_remove(struct admin *a);
enum admin_exit command_alert_resume(struct admin *a);
enum admin_exit command_alert_rotate(struct admin *a);
enum admin_exit command_alert_show(struct admin *a);
enum admin_exit command_alert_test(struct admin *a);

#endif
