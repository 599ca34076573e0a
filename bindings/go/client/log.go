package client

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/libsplitio/libsplitio/bindings/go/conf"
	"github.com/libsplitio/libsplitio/bindings/go/logging"
)

// loggerOf is the logger of a configuration, and the level of the library that it needs. Loggers of a program choose by
// themselves among all lines.
func loggerOf(cfg *conf.SplitSdkConfig) (logging.LoggerInterface, string) {
	if cfg.Logger != nil {
		return cfg.Logger, "debug"
	}
	logger := logging.NewLogger(&cfg.LoggerConfig)
	level := cfg.LoggerConfig.LogLevel
	switch {
	case level < 0:
		return logger, "none"
	case level == 0:
		return logger, "warning"
	case level >= logging.LevelDebug:
		return logger, "debug"
	}
	return logger, [...]string{logging.LevelError: "error", logging.LevelWarning: "warning", logging.LevelInfo: "info"}[level]
}

// record is a line of the log, as the library's queue has it.
type record struct {
	Level   int    `json:"level"`
	Target  string `json:"target"`
	Message string `json:"message"`
}

// deliver hands the lines of the library to the logger, until the factory is destroyed and there are none left. Lines come
// by a queue, as a logger called from inside an evaluation would have to be reached from C.
func deliver(from native, to logging.LoggerInterface, silent chan<- struct{}) {
	defer close(silent)
	const most = 256
	for {
		status, text := from.poll(most)
		if status == statusDestroyed {
			return
		}
		if status != statusOK {
			to.Error("splitio: the log of the library ends: " + statusText(status))
			return
		}
		var records []record
		if err := json.Unmarshal(text, &records); err != nil {
			to.Error("splitio: a part of the log of the library is not readable: " + err.Error())
			continue
		}
		for i := range records {
			write(to, &records[i])
		}
	}
}

func write(to logging.LoggerInterface, line *record) {
	// A logger that panics on a line gets the next one all the same.
	defer func() {
		if reason := recover(); reason != nil {
			_, _ = fmt.Fprintf(os.Stderr, "splitio: the logger panicked: %v\n%s", reason, debug.Stack())
		}
	}()
	text := line.Target + ": " + line.Message
	switch line.Level {
	case 1:
		to.Error(text)
	case 2:
		to.Warning(text)
	case 3:
		to.Info(text)
	default:
		to.Debug(text)
	}
}
