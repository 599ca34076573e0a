// Package logging has the interface of loggers, with the methods of Split's own, and a logger that writes lines.
//
// Loggers made for Split's client satisfy LoggerInterface as they are.
package logging

import (
	"fmt"
	"io"
	"log"
	"math"
	"os"
)

// Levels, the quietest first.
const (
	_ = iota
	// LevelError is for what went wrong.
	LevelError
	// LevelWarning is for what probably is not meant.
	LevelWarning
	// LevelInfo is for what happens once or rarely.
	LevelInfo
	// LevelDebug is for what helps to find a mistake.
	LevelDebug
	// LevelVerbose is not used by this SDK.
	LevelVerbose
)

const (
	// LevelNone logs nothing.
	LevelNone = math.MinInt32
	// LevelAll logs everything.
	LevelAll = math.MaxInt32
)

// LoggerInterface is what a program implements to get the lines of the SDK. Its methods are called by one goroutine of
// each factory and by those that evaluate, so they must bear being called at once.
type LoggerInterface interface {
	Error(msg ...interface{})
	Warning(msg ...interface{})
	Info(msg ...interface{})
	Debug(msg ...interface{})
	Verbose(msg ...interface{})
}

// LoggerOptions says what NewLogger makes.
type LoggerOptions struct {
	// LogLevel is the most talkative level that is written; 0 is LevelWarning.
	LogLevel int
	// Writers of each level; nil is standard error.
	ErrorWriter   io.Writer
	WarningWriter io.Writer
	InfoWriter    io.Writer
	DebugWriter   io.Writer
	VerboseWriter io.Writer
	// StandardLoggerFlags are those of the package log; 0 is log.LstdFlags.
	StandardLoggerFlags int
	// Prefix begins each line.
	Prefix string
	// ExtraFramesToSkip is for log.Lshortfile and log.Llongfile: lines of the library have no file of their own.
	ExtraFramesToSkip int
}

// Logger writes lines of some levels. Made by NewLogger.
type Logger struct {
	level, skip                          int
	errors, warnings, infos, debugs, all *log.Logger
}

// NewLogger makes a logger that writes; nil is the same as no options.
func NewLogger(options *LoggerOptions) LoggerInterface {
	given := LoggerOptions{}
	if options != nil {
		given = *options
	}
	if given.LogLevel == 0 {
		given.LogLevel = LevelWarning
	}
	if given.StandardLoggerFlags == 0 {
		given.StandardLoggerFlags = log.LstdFlags
	}
	writer := func(to io.Writer, level string) *log.Logger {
		if to == nil {
			to = os.Stderr
		}
		prefix := level
		if given.Prefix != "" {
			prefix = given.Prefix + " - " + level
		}
		return log.New(to, prefix, given.StandardLoggerFlags)
	}
	return &Logger{
		level:    given.LogLevel,
		skip:     given.ExtraFramesToSkip,
		errors:   writer(given.ErrorWriter, "ERROR - "),
		warnings: writer(given.WarningWriter, "WARNING - "),
		infos:    writer(given.InfoWriter, "INFO - "),
		debugs:   writer(given.DebugWriter, "DEBUG - "),
		all:      writer(given.VerboseWriter, "VERBOSE - "),
	}
}

// Level is the most talkative level that is written.
func (l *Logger) Level() int { return l.level }

// Error logs an error.
func (l *Logger) Error(msg ...interface{}) { l.write(LevelError, l.errors, msg) }

// Warning logs a warning.
func (l *Logger) Warning(msg ...interface{}) { l.write(LevelWarning, l.warnings, msg) }

// Info logs what happens rarely.
func (l *Logger) Info(msg ...interface{}) { l.write(LevelInfo, l.infos, msg) }

// Debug logs details.
func (l *Logger) Debug(msg ...interface{}) { l.write(LevelDebug, l.debugs, msg) }

// Verbose logs even more.
func (l *Logger) Verbose(msg ...interface{}) { l.write(LevelVerbose, l.all, msg) }

func (l *Logger) write(level int, to *log.Logger, msg []interface{}) {
	if l.level < level {
		return
	}
	// A line that cannot be written has nowhere to be complained about.
	_ = to.Output(3+l.skip, fmt.Sprintln(msg...))
}
