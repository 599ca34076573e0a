# frozen_string_literal: true

# See split_factory.rb.
module SplitIoClient
  # The end of a process: what is queued is sent before it. A child that has not used a factory of its parent's leaves
  # it alone. `exit!`, and signals that nobody handles, end a process without this.
  # @private
  module Ending
    # Seconds for all factories together.
    SECONDS = 5

    class << self
      # Once, when the gem is loaded.
      def install
        Process.singleton_class.prepend(Daemon)
        at_exit { destroy_all }
      end

      def flush_all(seconds = SECONDS)
        each_life(seconds) { |life, left| Native.split_flush(life.pointer, Waiting.milliseconds(left)) }
      end

      def destroy_all(seconds = SECONDS)
        each_life(seconds) { |life, left| life.destroy(left) }
      end

      private

      def each_life(seconds)
        deadline = Waiting.now + seconds
        lives = Handle.living.values.select(&:of_this_process?)
        lives.map { |life| Waiting.quiet_thread('splitio-end') { yield life, deadline - Waiting.now } }.each(&:join)
      end
    end

    # The process that calls `Process.daemon` ends there, without `at_exit`: what it has queued is sent first.
    module Daemon
      # @private
      def daemon(...)
        Ending.flush_all
        super
      end
    end
  end
  private_constant :Ending
  Ending.install
end
