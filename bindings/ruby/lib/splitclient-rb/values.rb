# frozen_string_literal: true

require 'date'
require 'json'
require 'set'

module SplitIoClient
  # Keys, attributes and properties on their way to the library. What it cannot hold becomes the nearest thing that it
  # can, and never an error.
  # @private
  module Values
    INT64 = (-(2**63)..((2**63) - 1))
    # Deeper nesting becomes text. The library reads JSON to a depth of 128.
    DEPTH = 64
    # Further lists and hashes become nil: one that has itself twice in it would double at each depth.
    NESTED = 1 << 16

    class << self
      # @return [String, nil] a key, as text in UTF-8; nil for what cannot be one
      def key(value)
        case value
        when String then text(value)
        when Symbol then value.name
        when Integer, Float then value.to_s
        end
      end

      # @return [String, nil] the name of a flag, a set or a type, in UTF-8; nil for what cannot be one
      def name(value)
        case value
        when String then text(value)
        when Symbol then value.name
        end
      end

      # @return [String] the same text in UTF-8. Bytes without an encoding are taken to be in it.
      def text(value)
        case value.encoding
        when Encoding::UTF_8, Encoding::US_ASCII, Encoding::BINARY then value
        else value.encode(Encoding::UTF_8, invalid: :replace, undef: :replace)
        end
      rescue EncodingError # Ruby knows the name of the encoding, and no more.
        value.b
      end

      # @return [String] the same text, valid
      def clean(value)
        value = text(value)
        value = value.dup.force_encoding(Encoding::UTF_8) unless value.encoding == Encoding::UTF_8
        value.valid_encoding? ? value : value.scrub
      end

      # @return [String] a JSON object of attributes; for what is no Hash, JSON that makes the call invalid
      def attributes_json(values)
        values.is_a?(Hash) ? JSON.generate(plain(values) { |other| attribute(other) }) : '[]'
      end

      # @return [String] a JSON object of properties, which are text, numbers, true, false or nil
      def properties_json(values)
        return '[]' unless values.is_a?(Hash)

        JSON.generate(values.to_h { |name, value| [clean(described(name)), plain(property(value))] })
      end

      # @return [Object] the value in types that JSON has
      # @param left [Array(Integer)] how many more lists and hashes there may be
      def plain(value, depth = 0, left = [NESTED], &)
        case value
        when nil, true, false, Integer then value
        when String then clean(value)
        when Symbol then clean(value.name)
        when Float then value.finite? ? value : nil
        else depth < DEPTH ? nested(value, depth + 1, left, &) : clean(described(value))
        end
      end

      # @return [Object] what an object that JSON does not know is as an attribute
      def attribute(value)
        case value
        when Set then value.to_a
        when Time then value.to_i
        when DateTime then value.to_time.to_i
        when Date then (value - Date.new(1970, 1, 1)).to_i * 86_400
        when Numeric then value.real? ? value.to_f : value.to_s
        else described(value)
        end
      rescue StandardError
        described(value)
      end

      # @return [String] the text of an object. Whatever its own `to_s` does is no reason to fail the evaluation.
      def described(value)
        value.to_s
      rescue StandardError
        ''
      end

      private

      def nested(value, depth, left, &other)
        return if (left[0] -= 1).negative?

        case value
        when Array then value.map { |item| plain(item, depth, left, &other) }
        when Hash then value.to_h { |name, item| [clean(described(name)), plain(item, depth, left, &other)] }
        else plain(other ? yield(value) : described(value), depth, left, &other)
        end
      end

      # An empty list makes the library complain about the property, and keep it without a value.
      def property(value)
        case value
        when nil, true, false, Integer, Float, String, Symbol then value
        when Numeric then value.real? ? value.to_f : []
        else []
        end
      rescue StandardError
        []
      end
    end
  end
  private_constant :Values
end
