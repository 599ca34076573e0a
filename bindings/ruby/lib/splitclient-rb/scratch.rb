# frozen_string_literal: true

module SplitIoClient
  # Native memory that a call needs while it runs: the options of an evaluation, a set of attributes, a result.
  #
  # Kept and used again, as making it costs more than an evaluation. A call takes one out of the pool and puts it back;
  # so whatever interrupts it (another thread, a signal, the garbage collector) takes another one.
  # @private
  class Scratch
    # Of split_options.
    SIZE = 72
    BUCKETING_KEY = 8
    ATTRIBUTES = 16
    ATTRIBUTES_JSON = 24
    PROPERTIES_JSON = 40
    # Of split_result.
    RESULT_SIZE = 64

    # @return [FFI::Pointer] a split_options
    attr_reader :options
    # @return [FFI::Pointer] a split_result
    attr_reader :result

    @pool = []
    class << self
      # @yieldparam scratch [Scratch]
      def borrow
        scratch = @pool.pop || new
        yield scratch
      ensure
        if scratch
          scratch.let_go
          @pool.push(scratch)
        end
      end
    end

    def initialize
      @options = FFI::MemoryPointer.new(SIZE)
      @options.put(:size_t, 0, SIZE)
      @result = FFI::MemoryPointer.new(RESULT_SIZE)
      @set = Native.split_attributes_new
      @texts = []
    end

    # @return [FFI::Pointer, nil] what the library is to be given besides key and flag
    def fill(bucketing_key, attributes, properties)
      none = attributes.nil? || (attributes.is_a?(Hash) && attributes.empty?)
      return if none && bucketing_key.nil? && properties.nil?

      @used = true
      put(BUCKETING_KEY, bucketing_key) if bucketing_key
      put(PROPERTIES_JSON, Values.properties_json(properties)) unless properties.nil?
      put_attributes(attributes) unless attributes.nil?
      @options
    end

    # Forgets what the call was given.
    def let_go
      return unless @used

      @used = false
      @options.put_bytes(BUCKETING_KEY, NOTHING)
      Native.split_attributes_clear(@set)
      @texts.clear
    end

    NOTHING = ("\0" * (SIZE - BUCKETING_KEY)).freeze
    private_constant :NOTHING

    private

    def put(offset, text)
      memory = FFI::MemoryPointer.from_string(text)
      @texts << memory
      @options.put_pointer(offset, memory)
    end

    def put_attributes(attributes)
      return put(ATTRIBUTES_JSON, Values.attributes_json(attributes)) unless attributes.is_a?(Hash)

      rest = nil
      attributes.each do |name, value|
        name = name.is_a?(Symbol) ? name.name : Values.clean(Values.described(name))
        set(name, value) || ((rest ||= {})[name] = value)
      end
      Native.split_attributes_merge_json(@set, Values.attributes_json(rest), nil) if rest
      @options.put_pointer(ATTRIBUTES, @set)
    end

    # Whether it could be set as it is. What could not goes by JSON, which holds more.
    def set(name, value)
      status =
        case value
        when String then Native.split_attributes_set_string(@set, name, value) if value.encoding == Encoding::UTF_8
        when Integer then Native.split_attributes_set_int(@set, name, value) if Values::INT64.cover?(value)
        when true, false then Native.split_attributes_set_bool(@set, name, value)
        when Float then Native.split_attributes_set_double(@set, name, value) if value.finite?
        end
      status == Native::OK
    rescue ArgumentError # A NUL in the text.
      false
    end
  end
  private_constant :Scratch
end
