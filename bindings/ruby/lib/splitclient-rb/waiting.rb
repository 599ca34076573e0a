# frozen_string_literal: true

module SplitIoClient
  # Waiting without standing in anybody's way. Ruby cannot interrupt a call into the library, so a wait is made of many
  # short ones, between which Ctrl-C is answered; or another thread makes the call, and the one that waits joins it.
  # @private
  module Waiting
    # Seconds.
    SLICE = 0.1
    FOREVER = 100 * 365 * 86_400

    class << self
      # Repeats a call that takes milliseconds until it does not time out, or `seconds` (nil: no limit) are over.
      # @return [Integer] its status
      def in_slices(seconds)
        deadline = now + (seconds || FOREVER)
        loop do
          left = [deadline - now, 0].max
          slice = [SLICE, left].min
          status = yield (slice * 1000).ceil
          # A key that Split refuses may be accepted later: who gave a time waits for it.
          refused = status == Native::UNAUTHORIZED && !seconds.nil?
          return status unless refused || status == Native::TIMEOUT
          return status unless left.positive?

          # The library does not wait out its time for this.
          sleep(slice) if refused
        end
      end

      # @return [Object] what the block returns, which a thread of its own runs
      def elsewhere(&)
        thread = quiet_thread('splitio-wait', &)
        nil until thread.join(SLICE)
        thread.value
      end

      # @return [Thread] one that says nothing about an exception, which `value` raises
      def quiet_thread(name)
        Thread.new do
          Thread.current.name = name
          Thread.current.report_on_exception = false
          yield
        end
      end

      # @return [Integer] milliseconds for the library; -1 for nil, which is no limit
      def milliseconds(seconds)
        seconds.nil? ? -1 : ([seconds, 0].max * 1000).ceil
      end

      def now
        Process.clock_gettime(Process::CLOCK_MONOTONIC)
      end
    end
  end
  private_constant :Waiting
end
