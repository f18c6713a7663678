package delivery

// queue is a FIFO of tasks. It reuses its memory. The zero value is empty.
type queue struct {
	tasks []*task
	first int // what is before has been taken
}

func (q *queue) len() int { return len(q.tasks) - q.first }

func (q *queue) push(t *task) {
	if q.first > 0 && len(q.tasks) == cap(q.tasks) {
		n := copy(q.tasks, q.tasks[q.first:])
		clear(q.tasks[n:])
		q.tasks, q.first = q.tasks[:n], 0
	}
	q.tasks = append(q.tasks, t)
}

// pop returns the task that has waited longest; nil if there is none.
func (q *queue) pop() *task {
	if q.first == len(q.tasks) {
		return nil
	}
	t := q.tasks[q.first]
	q.tasks[q.first] = nil
	if q.first++; q.first == len(q.tasks) {
		q.tasks, q.first = q.tasks[:0], 0
	}
	return t
}
