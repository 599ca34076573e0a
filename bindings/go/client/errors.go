package client

// Error is why the library did not do what it was asked for. Status is one of the negative codes of splitio.h.
type Error struct {
	Status  int
	Message string
}

// Error is a sentence in English.
func (e *Error) Error() string { return e.Message }
