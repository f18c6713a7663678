package sender

import "time"

// Task is something long that is done beside the requests.
type Task struct {
	ID, AppID string
	// Kind is one of those below.
	Kind string
	// Status is "running", "finished" or "failed".
	Status string
	// Total is how many deliveries it deals with, Done how many it has, and Sent how many
	// of these are sent again.
	Total, Done, Sent int64
	Updated           time.Time
}

// The kinds of tasks.
const (
	TaskRecover    = "endpoint.recover"
	TaskReplay     = "endpoint.replay"
	TaskBulkReplay = "endpoint.bulk-replay"
)

// The statuses of tasks.
const (
	TaskRunning  = "running"
	TaskFinished = "finished"
	TaskFailed   = "failed"
)

// ReplayFilter says which messages a bulk replay sends again.
type ReplayFilter struct {
	Since, Until    time.Time
	EventTypes      []string
	Channel, Tag    string
	Status          *Status
	StatusCodeClass *int
}
