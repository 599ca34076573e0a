# frozen_string_literal: true

module SplitIoClient
  # A factory of the library, from its making to its end. The objects of the API share one. When the garbage collector
  # finds that nobody has it any more, the factory is destroyed, which sends what is queued, and freed; at the end of
  # the process, after all `at_exit`, it is destroyed in any case.
  # @private
  class Handle
    # What remains of a handle when it is collected. None of its calls waits for a lock that somebody may hold.
    class Life
      # How long a factory that nobody destroyed may take to send what is queued.
      SECONDS = 10
      # The same after a flush at the end of the process that took all its time.
      LEFT = 0.2

      attr_reader :pointer, :delivery, :generation

      def initialize(pointer, delivery)
        @pointer = pointer
        @delivery = delivery
        @generation = Native.generation
        @renewing = Mutex.new
        @flushes = []
        @left = Ending::SECONDS
        delivery.start
      end

      # False in a forked child that has not used the factory.
      def of_this_process?
        @generation == Native.generation
      end

      # In a forked child: a thread that delivers, as its parent's did not come along.
      def renew
        return unless @renewing.try_lock

        begin
          unless of_this_process?
            @delivery.start
            @generation = Native.generation
          end
        ensure
          @renewing.unlock
        end
      end

      # Sends what is queued, stops, and hands over what there is for Ruby.
      def destroy(seconds, from: nil)
        status = Native.split_destroy(@pointer, Waiting.milliseconds(seconds))
        # A listener that destroys gets the rest when it is back.
        @delivery.finish(seconds) unless @delivery.thread == from
        status
      end

      # All the time in one call: a flush that times out gives up the post under way, which is then sent once more.
      def flush(seconds)
        @flushes << Thread.current
        Native.split_flush(@pointer, Waiting.milliseconds(seconds))
      ensure
        @flushes.delete(Thread.current)
      end

      # At the end of the process. What could not be sent in that time does not get it twice.
      def last_flush(seconds)
        @left = LEFT if flush(seconds) == Native::TIMEOUT
      end

      # Whether somebody gave up waiting for a flush that goes on. It would hold up the end of the process.
      def flushing?
        @flushes.any?(&:alive?)
      end

      # Nobody can use it any more: it was collected, or the process ends. In a child that has not used it, it is the
      # parent's affair.
      def abandon
        Handle.living.delete(@pointer.address)
        return unless of_this_process?

        Waiting.quiet_thread('splitio-end') do
          destroy(SECONDS)
          @delivery.finish(nil)
          Native.split_factory_free(@pointer)
        end
      rescue ThreadError
        conclude
      end

      private

      # After all `at_exit`, Ruby has ended its threads, and starts none: all on this one.
      def conclude
        Native.split_destroy(@pointer, Waiting.milliseconds(@left))
        @delivery.drain
      end
    end

    @living = {}
    class << self
      # @return [Hash{Integer => Life}] all that are not collected, by address
      attr_reader :living

      # @return [Proc] what the garbage collector calls. Made here, so that it does not know the handle.
      def finalizer(life)
        proc { life.abandon }
      end
    end

    attr_reader :pointer, :delivery

    # @param pointer [FFI::Pointer] a split_factory, or NULL, which the library gives harmless answers
    def initialize(pointer, delivery)
      @pointer = pointer
      @delivery = delivery
      @generation = Native.generation
      return if pointer.null?

      @life = Life.new(pointer, delivery)
      Handle.living[pointer.address] = @life
      ObjectSpace.define_finalizer(self, Handle.finalizer(@life))
    end

    # The factory, for a call. In a forked child the first one starts the thread that delivers.
    def use
      fork_happened unless Native::FORKS.get_uint32(0) == @generation
      @pointer
    end

    def resume
      error = Native::Error.new
      status = Native.split_resume(@pointer, error)
      use
      # Where the factory waited for this, the thread came to its end.
      @delivery.start if status == Native::OK && @delivery.over?
      [status, error]
    end

    # The one that waits answers Ctrl-C; what was begun goes on.
    def destroy(seconds = Life::SECONDS)
      use
      life = @life or return Native::OK
      caller = Thread.current
      Waiting.elsewhere { life.destroy(seconds, from: caller) }
    end

    # As `destroy`.
    def flush(seconds)
      use
      life = @life or return Native::INVALID_ARGUMENT
      Waiting.elsewhere { life.flush(seconds) }
    end

    private

    def fork_happened
      @life&.renew
      @generation = Native.generation
    end
  end
  private_constant :Handle
end
