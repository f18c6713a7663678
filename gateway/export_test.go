package gateway

// Take and Give are what a body being read does to the budget.
func (b *Budget) Take(n int64) bool { return b.take(n) }

// Give is the inverse of Take.
func (b *Budget) Give(n int64) { b.give(n) }

// CountResult counts a result.
func (s *State) CountResult(result string) { s.counter.count(result) }
