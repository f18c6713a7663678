package api

import (
	"net/http"
	"time"

	"github.com/hookgate/hookgate/sender"
)

// periodIn is which time a task looks at.
type periodIn struct {
	Since field[time.Time] `json:"since" api:"required"`
	Until field[time.Time] `json:"until"`
}

// bulkIn says which messages are sent again.
type bulkIn struct {
	Since           field[time.Time] `json:"since" api:"required"`
	Until           field[time.Time] `json:"until"`
	EventTypes      field[[]string]  `json:"eventTypes" api:"nonempty"`
	Channel         field[string]    `json:"channel" api:"nonempty"`
	Tag             field[string]    `json:"tag" api:"nonempty"`
	Status          field[int64]     `json:"status" api:"min=0,max=4"`
	StatusCodeClass field[int64]     `json:"statusCodeClass" api:"min=0,max=500"`
}

// taskOut is a task that was begun.
type taskOut struct {
	ID        string `json:"id"`
	Status    string `json:"status"`
	Task      string `json:"task"`
	UpdatedAt moment `json:"updatedAt"`
}

// taskDataOut is a task, and what it has done.
type taskDataOut struct {
	ID        string   `json:"id"`
	Status    string   `json:"status"`
	Task      string   `json:"task"`
	UpdatedAt moment   `json:"updatedAt"`
	Data      sentData `json:"data"`
}

type sentData struct {
	MessagesSent int64 `json:"messagesSent"`
}

func taskOf(t *sender.Task) taskOut {
	return taskOut{ID: t.ID, Status: t.Status, Task: t.Kind, UpdatedAt: moment(t.Updated)}
}

func taskDataOf(t *sender.Task) taskDataOut {
	return taskDataOut{ID: t.ID, Status: t.Status, Task: t.Kind, UpdatedAt: moment(t.Updated), Data: sentData{t.Sent}}
}

// Asked twice for the same while it runs, the sender returns the running task: these
// do no harm if they are repeated.

func recoverFailed(c *call, in *periodIn) (int, taskOut, error) {
	t, err := c.sender.Recover(c.ctx, c.app, c.endpoint(), in.Since.value, in.Until.or(time.Time{}))
	return http.StatusAccepted, taskOf(&t), err
}

func replayMissing(c *call, in *periodIn) (int, taskOut, error) {
	t, err := c.sender.ReplayMissing(c.ctx, c.app, c.endpoint(), in.Since.value, in.Until.or(time.Time{}))
	return http.StatusAccepted, taskOf(&t), err
}

func bulkReplay(c *call, in *bulkIn) (int, taskOut, error) {
	filter := sender.ReplayFilter{
		Since: in.Since.value, Until: in.Until.or(time.Time{}), EventTypes: in.EventTypes.or(nil), Channel: in.Channel.or(""), Tag: in.Tag.or(""),
	}
	if in.Status.has() {
		status := sender.Status(in.Status.value)
		filter.Status = &status
	}
	if in.StatusCodeClass.has() {
		class := int(in.StatusCodeClass.value)
		if class%100 != 0 {
			return 0, taskOut{}, invalid("", "it has to be one of 0, 100, 200, 300, 400, 500", "body", "statusCodeClass")
		}
		filter.StatusCodeClass = &class
	}
	t, err := c.sender.BulkReplay(c.ctx, c.app, c.endpoint(), filter)
	return http.StatusAccepted, taskOf(&t), err
}

// getTask shows a task to whose application it is, too.
func getTask(c *call) (int, taskDataOut, error) {
	t, err := c.sender.Task(c.ctx, c.path("task_id"))
	if err == nil && c.token.Scope == Application && t.AppID != c.token.App {
		err = errNoEntity
	}
	return http.StatusOK, taskDataOf(&t), err
}

func listTasks(c *call) (int, listResponse[taskDataOut], error) {
	page := c.query.ordered(false)
	if c.query.fail != nil {
		return 0, listResponse[taskDataOut]{}, c.query.fail
	}
	list, err := c.sender.Tasks(c.ctx, page)
	return http.StatusOK, listOf(list, taskDataOf), err
}
