package gateway

// Take and Give are what a body being read does to the budget.
func (b *Budget) Take(n int64) bool { return b.take(n) }

// Give is the inverse of Take.
func (b *Budget) Give(n int64) { b.give(n) }

// Diagnosed waits for the diagnosis that runs.
func (p *Process) Diagnosed() { p.diagnoses.Wait() }

// Diagnosing holds the place of the one diagnosis until what it returns is called.
func (p *Process) Diagnosing() (release func()) {
	p.diagnosing.Store(true)
	return func() { p.diagnosing.Store(false) }
}

// CountResult counts a result.
func (s *State) CountResult(result string) { s.counter.count(result) }
