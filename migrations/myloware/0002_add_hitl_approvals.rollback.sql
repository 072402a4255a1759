drop table hitl_approvals;
