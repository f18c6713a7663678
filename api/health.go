package api

import "net/http"

// healthOut says what works. The store is database, queue and cache in one.
type healthOut struct {
	Database partOut `json:"database"`
	Queue    partOut `json:"queue"`
	Cache    partOut `json:"cache"`
}

type partOut struct {
	Status string `json:"status"`
}

// getHealth answers 500 if nothing is accepted now, as Svix does.
func getHealth(c *call) (int, healthOut, error) {
	status, part := http.StatusOK, partOut{"ok"}
	if err := c.store.Trouble(); err != nil {
		status, part = http.StatusInternalServerError, partOut{"error"}
	}
	return status, healthOut{part, part, part}, nil
}

func ping(*call) (int, none, error) { return http.StatusNoContent, none{}, nil }
