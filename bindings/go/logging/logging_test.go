package logging

import (
	"bytes"
	"log"
	"strings"
	"testing"
)

func TestLevels(t *testing.T) {
	for level, wanted := range map[int]string{
		LevelNone: "", 0: "EW", LevelError: "E", LevelWarning: "EW", LevelInfo: "EWI", LevelDebug: "EWID", LevelVerbose: "EWIDV", LevelAll: "EWIDV",
	} {
		var written bytes.Buffer
		logger := NewLogger(&LoggerOptions{
			LogLevel: level, Prefix: "split", StandardLoggerFlags: log.Lmsgprefix,
			ErrorWriter: &written, WarningWriter: &written, InfoWriter: &written, DebugWriter: &written, VerboseWriter: &written,
		})
		logger.Error("said", 1)
		logger.Warning("said")
		logger.Info("said")
		logger.Debug("said")
		logger.Verbose("said")
		got := ""
		for _, line := range strings.Split(strings.TrimSuffix(written.String(), "\n"), "\n") {
			line = strings.TrimPrefix(line, "split - ")
			if line != "" {
				got += line[:1]
			}
		}
		if got != wanted {
			t.Errorf("level %d: %q, not %q", level, got, wanted)
		}
		if wanted != "" && !strings.HasPrefix(written.String(), "split - ERROR - said 1\n") {
			t.Errorf("wrote %q", written.String())
		}
	}
	if NewLogger(nil).(*Logger).Level() != LevelWarning {
		t.Error("the default level")
	}
}
