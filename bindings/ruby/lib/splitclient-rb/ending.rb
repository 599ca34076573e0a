# frozen_string_literal: true

# See split_factory.rb.
module SplitIoClient
  # The end of a process: what is queued is sent before it. A child that has not used a factory of its parent's leaves
  # it alone. `exit!`, and signals that Ruby makes no exception of, end a process without this.
  #
  # In `at_exit` factories are not destroyed yet: whole programs run in there, such as those of Sinatra and Minitest.
  # {Handle} does that, after it.
  # @private
  module Ending
    # Seconds for all factories together.
    SECONDS = 5

    class << self
      # Once, when the gem is loaded.
      def install
        Process.singleton_class.prepend(Daemon)
        at_exit { flush_all }
      end

      def flush_all(seconds = SECONDS)
        deadline = Waiting.now + seconds
        lives = Handle.living.values.select(&:of_this_process?)
        lives.map { |life| Waiting.quiet_thread('splitio-end') { flush(life, deadline) } }.each(&:join)
      end

      private

      def flush(life, deadline)
        return life.destroy(deadline - Waiting.now) if life.flushing?

        life.last_flush(deadline - Waiting.now)
        life.delivery.settle(deadline)
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
