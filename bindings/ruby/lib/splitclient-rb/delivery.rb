# frozen_string_literal: true

require 'io/wait'
require 'json'

module SplitIoClient
  # The thread that hands over what the library has for Ruby: log lines, impressions, events. It sleeps until there is
  # something. Nothing is ever called from threads of the library.
  #
  # Knows nobody who would keep the objects of the program alive, but the listener and the handlers.
  # @private
  class Delivery
    MOST = 1000
    LEVELS = { 1 => :error, 2 => :warn, 3 => :info, 4 => :debug }.freeze
    KINDS = { 'ready' => Engine::Models::SdkEvent::SDK_READY, 'update' => Engine::Models::SdkEvent::SDK_UPDATE }.freeze

    attr_reader :thread

    def initialize(pointer, logger, listener)
      @pointer = pointer
      @logger = logger
      @listener = listener
      @handlers = {}
    end

    # Starts the thread of this process, to which the factory tells again that it is ready.
    def start
      @ready = false
      @told = nil
      @thread = Thread.new { run }
      @thread.name = 'splitio-delivery'
    end

    # @return [Boolean] whether the thread is not there, or came to its end
    def over?
      !@thread&.alive?
    end

    # Waits until all that is there is handed over.
    def settle(deadline)
      sleep(0.002) until over? || (!@busy && !waiting?) || Waiting.now > deadline
    end

    # At the end of the process, when no thread is left: what there is, on this one.
    def drain
      take
    end

    # Waits until all is handed over, after the factory was destroyed.
    def finish(seconds)
      @thread&.join(seconds)
    end

    # Calls a handler when something happens. There is one for each kind; the first one counts, as with Split's gem.
    def on(sdk_event, handler)
      return if @handlers.key?(sdk_event)

      @handlers[sdk_event] = handler
      return unless @ready && sdk_event == Engine::Models::SdkEvent::SDK_READY

      # It happened before: once more, for the one who comes late.
      Waiting.quiet_thread('splitio-ready') { announce_ready }
    end

    def log(level, message)
      @logger&.public_send(level, message)
    rescue StandardError => e
      # There is no logger to tell it to.
      warn "splitclient-rb-native: the logger failed: #{e.message}"
    end

    private

    def run
      status = Native::TIMEOUT
      while status == Native::TIMEOUT
        status = take
        wait if status == Native::TIMEOUT
      end
      return unless status == Native::DESTROYED

      # Who is still known here is kept alive: a listener may know the factory.
      @handlers.clear
      @listener = nil
    end

    # Hands over what there is, and says why there is no more.
    def take
      @busy = true
      loop do
        status, records = Native.poll(@pointer, MOST)
        return status unless records

        JSON.parse(records, symbolize_names: true).each { |record| hand_over(record) }
      end
    ensure
      @busy = false
    end

    # Whether the queue has records.
    def waiting?
      descriptor = Native.split_poll_fd(@pointer)
      !descriptor.negative? && IO.for_fd(descriptor, 'r', autoclose: false).wait_readable(0)
    end

    def wait
      descriptor = Native.split_poll_fd(@pointer)
      # Windows has none.
      return sleep(Waiting::SLICE) if descriptor.negative?

      IO.for_fd(descriptor, 'r', autoclose: false).wait_readable
    end

    def hand_over(record)
      case record[:type]
      when 'log' then log(LEVELS.fetch(record[:level], :debug), "#{record[:target]}: #{record[:message]}")
      when 'impression' then listen(record)
      when 'event' then happened(record)
      end
    end

    def listen(record)
      listener = @listener or return
      guarded('log of the impression listener') { listener.log(impression(record)) }
    end

    # As the listeners of Split's gem get it.
    def impression(record)
      {
        split_name: record[:flag], matching_key: record[:key], bucketing_key: record[:bucketing_key],
        time: record[:time],
        treatment: { label: record[:label], treatment: record[:treatment], change_number: record[:change_number] },
        previous_time: record[:previous_time], attributes: record[:attributes], properties: record[:properties]
      }
    end

    def happened(record)
      sdk_event = KINDS.fetch(record[:kind])
      return announce_ready if sdk_event == Engine::Models::SdkEvent::SDK_READY

      handler = @handlers[sdk_event] or return
      type = record[:flags_changed] ? :FLAG_UPDATE : :SEGMENTS_UPDATE
      metadata = Engine::Models::EventsMetadata.new(Engine::Models::SdkEventType.const_get(type), record[:names])
      guarded(sdk_event) { handler.call(metadata) }
    end

    # Each handler once. `@ready` comes first, so that a handler that comes now is not missed.
    def announce_ready
      @ready = true
      handler = @handlers[Engine::Models::SdkEvent::SDK_READY]
      return if handler.nil? || handler.equal?(@told)

      @told = handler
      guarded(Engine::Models::SdkEvent::SDK_READY) { handler.call(nil) }
    end

    def guarded(what)
      yield
    rescue StandardError, ScriptError, SystemStackError => e
      log(:error, "#{what} failed: #{e.full_message(highlight: false)}")
    end
  end
  private_constant :Delivery
end
